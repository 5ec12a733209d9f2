import { SUBRESOURCES } from '../auth/subresources.js';
import { S3Error } from '../s3/error.js';
import type { Operation, RequestFields, Route } from '../s3/operation.js';

// biome-ignore lint/suspicious/noExplicitAny: the edge passes inputs and results through unseen
export type AnyOperation = Operation<any, any>;

/** The two operations that no sub-resource tells from others. */
const OTHER_ID = 'ListDirectoryBuckets';
const OTHER_HEADER = 'x-amz-request-route';

interface Compiled {
  operation: AnyOperation;
  query: { name: string; value: string | undefined }[];
  header: string | undefined;
  specificity: number;
}

/** Which operation a request asks for. All of method, level, query and header must match; the most specific route wins. */
export class Router {
  readonly #routes = new Map<string, Compiled[]>();

  /** @throws Error where two routes tie */
  constructor(operations: readonly AnyOperation[]) {
    for (const operation of operations) this.#add(operation);
    for (const [level, routes] of this.#routes) {
      routes.sort((a, b) => b.specificity - a.specificity);
      const seen = new Set<string>();
      for (const { operation } of routes) {
        const signature = JSON.stringify([[...(operation.route.query ?? [])].sort(), operation.route.header]);
        if (seen.has(signature)) throw new Error(`two operations have the route ${level} ${signature}`);
        seen.add(signature);
      }
    }
  }

  /** @throws S3Error NotImplemented for what S3 knows and Coffer lacks, MethodNotAllowed */
  find(method: string, fields: Pick<RequestFields, 'bucket' | 'key' | 'query' | 'headers'>): AnyOperation {
    const on = fields.bucket === '' ? 'service' : fields.key === '' ? 'bucket' : 'object';
    const best = this.#routes.get(`${method} ${on}`)?.find((route) => matches(route, fields));
    // A sub-resource that the found route doesn't name is another operation, whose answer this must not be.
    for (const [name, value] of fields.query) {
      if (name === 'x-id' ? value !== OTHER_ID : !SUBRESOURCES.has(name)) continue;
      if (best?.query.some((one) => one.name === name)) continue;
      const what = name === 'x-id' ? value : `The sub-resource ${name}`;
      throw new S3Error('NotImplemented', {
        extra: { Header: name, additionalMessage: `${what} is not implemented for ${method} on this resource` },
      });
    }
    if (fields.headers[OTHER_HEADER] !== undefined) {
      throw new S3Error('NotImplemented', {
        extra: { Header: OTHER_HEADER, additionalMessage: 'WriteGetObjectResponse is not implemented' },
      });
    }
    if (best) return best.operation;
    throw new S3Error('MethodNotAllowed', {
      extra: { Method: method, ResourceType: on.toUpperCase() },
      headers: { allow: this.#methods(on) },
    });
  }

  #methods(on: Route['on']): string {
    const levels = [...this.#routes.keys()].filter((level) => level.endsWith(` ${on}`));
    return levels.map((level) => level.slice(0, level.indexOf(' '))).join(', ');
  }

  #add(operation: AnyOperation): void {
    const { route } = operation;
    const level = `${route.method} ${route.on}`;
    const query = (route.query ?? []).map((text) => {
      const equals = text.indexOf('=');
      return equals < 0
        ? { name: text, value: undefined }
        : { name: text.slice(0, equals), value: text.slice(equals + 1) };
    });
    const compiled = { operation, query, header: route.header, specificity: specificityOf(route) };
    const routes = this.#routes.get(level);
    if (routes) routes.push(compiled);
    else this.#routes.set(level, [compiled]);
  }
}

const specificityOf = (route: Route): number => (route.query?.length ?? 0) * 2 + (route.header ? 1 : 0);

function matches(route: Compiled, fields: Pick<RequestFields, 'query' | 'headers'>): boolean {
  for (const { name, value } of route.query) {
    const sent = fields.query.get(name);
    if (sent === undefined || (value !== undefined && sent !== value)) return false;
  }
  return route.header === undefined || fields.headers[route.header] !== undefined;
}
