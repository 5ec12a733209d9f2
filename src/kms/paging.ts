import { KmsError } from '../encryption/ports.js';
import type { Input } from './fields.js';

/** What a list takes: its default and its largest page, and what the names it pages by look like. */
export interface PageLimits {
  limit: number;
  max: number;
  names: RegExp;
}

/** Limit and Marker. @throws InvalidMarkerException where no list of this kind can have given the marker */
export function readPage(input: Input, { limit: byDefault, max, names }: PageLimits): { limit: number; after: string } {
  const limit = input.integer('Limit', { min: 1, max }) ?? byDefault;
  const marker = input.text('Marker', { min: 1, max: 1024, pattern: '[\\u0020-\\u00FF]*' });
  if (marker === undefined) return { limit, after: '' };
  const after = Buffer.from(marker, 'base64').toString('utf8');
  if (!names.test(after) || Buffer.from(after, 'utf8').toString('base64') !== marker) throw invalidMarker();
  return { limit, after };
}

/** What comes after the entry that the marker names. @throws InvalidMarkerException where there is none: starting again would double */
export function entriesAfter<T>(entries: readonly T[], after: string, name: (entry: T) => string): readonly T[] {
  if (after === '') return entries;
  const at = entries.findIndex((one) => name(one) === after);
  if (at < 0) throw invalidMarker();
  return entries.slice(at + 1);
}

const invalidMarker = (): KmsError => new KmsError('InvalidMarkerException', 'The marker is not valid.');

/** `found` has one entry more than `limit` where there is a next page. */
export function page<T>(
  found: readonly T[],
  limit: number,
  name: (entry: T) => string,
): { shown: T[]; Truncated: boolean; NextMarker?: string } {
  const shown = found.slice(0, limit);
  if (found.length <= limit) return { shown, Truncated: false };
  return { shown, Truncated: true, NextMarker: Buffer.from(name(shown.at(-1)!), 'utf8').toString('base64') };
}
