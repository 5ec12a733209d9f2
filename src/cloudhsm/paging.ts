import { invalid } from './errors.js';
import type { Fields } from './fields.js';

export interface Page {
  limit: number;
  after: string | undefined;
}

/** MaxResults and NextToken. */
export function readPage(fields: Fields, max: number): Page {
  const limit = fields.integer('MaxResults', 1, max) ?? max;
  const token = fields.text('NextToken', { max: 256 });
  if (token === undefined) return { limit, after: undefined };
  return { limit, after: Buffer.from(token, 'base64url').toString('utf8') };
}

/** `name`: what entries are told apart by. @throws CloudHsmInvalidRequestException where the token names none of them */
export function pageOf<T>(entries: readonly T[], { limit, after }: Page, name: (entry: T) => string) {
  const start = after === undefined ? 0 : entries.findIndex((one) => name(one) === after) + 1;
  if (after !== undefined && start === 0) throw invalid('The NextToken is not valid.');
  const shown = entries.slice(start, start + limit);
  const isLast = start + limit >= entries.length;
  return { shown, ...(!isLast && { NextToken: Buffer.from(name(shown.at(-1)!), 'utf8').toString('base64url') }) };
}

/** @throws CloudHsmInvalidRequestException for a filter that would be ignored */
export function readFilters<N extends string>(fields: Fields, names: readonly N[]): Map<N, string[]> {
  const filters = fields.mapOfTexts('Filters', 30);
  for (const name of filters.keys()) {
    if (!(names as readonly string[]).includes(name)) throw invalid(`There is no filter ${JSON.stringify(name)}.`);
  }
  return filters as Map<N, string[]>;
}
