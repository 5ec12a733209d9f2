import { SUBRESOURCES } from '../auth/subresources.js';
import { S3Error } from '../s3/error.js';
import type { Operation, RequestFields, Route } from '../s3/operation.js';
import { notBuilt } from '../s3/unset.js';
import { UNBUILT } from './unbuilt.js';

// biome-ignore lint/suspicious/noExplicitAny: the edge passes inputs and results through unseen
export type AnyOperation = Operation<any, any>;

/** The two operations that no sub-resource tells from others. */
const OTHER_ID = 'ListDirectoryBuckets';
const OTHER_HEADER = 'x-amz-request-route';
const COPY_SOURCE = 'x-amz-copy-source';

interface Compiled {
  operation: AnyOperation;
  query: { name: string; value: string | undefined }[];
  header: string | undefined;
  specificity: number;
}

/** Which operation a request asks for. All of method, level, query and header must match; the most specific route wins. */
export class Router {
  readonly #routes = new Map<string, Compiled[]>();
  /** Sub-resources, and what has them. */
  readonly #levels = new Map<string, Set<Route['on']>>();

  /** @throws Error where two routes tie */
  constructor(operations: readonly AnyOperation[]) {
    for (const operation of operations) this.#add(operation);
    for (const { by, on } of UNBUILT) this.#learn(by, on);
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

  /** @throws S3Error NotImplemented for what S3 knows and Coffer lacks, MethodNotAllowed, InvalidArgument, InvalidRequest */
  find(method: string, fields: Pick<RequestFields, 'bucket' | 'key' | 'query' | 'headers'>): AnyOperation {
    const on = fields.bucket === '' ? 'service' : fields.key === '' ? 'bucket' : 'object';
    const best = this.#routes.get(`${method} ${on}`)?.find((route) => matches(route, fields));
    // A sub-resource that the found route doesn't name is another operation, whose answer this must not be.
    const named = [...fields.query.keys()].filter((name) => SUBRESOURCES.has(name));
    const other = named.find((name) => !best?.query.some((one) => one.name === name));
    if (other !== undefined) throw this.#refusal(method, on, other, named);
    if (fields.query.get('x-id') === OTHER_ID) throw notBuilt(OTHER_ID, 'x-id');
    if (fields.headers[OTHER_HEADER] !== undefined) throw notBuilt('WriteGetObjectResponse', OTHER_HEADER);
    refuseStrays(method, on, fields, best);
    if (best) return best.operation;
    throw new S3Error('MethodNotAllowed', {
      extra: { Method: method, ResourceType: on.toUpperCase() },
      headers: { allow: this.#methods(on) },
    });
  }

  /** What is told of a sub-resource that leads to no operation here. */
  #refusal(method: string, on: Route['on'], name: string, named: readonly string[]): S3Error {
    const unbuilt = UNBUILT.find((one) => one.method === method && one.on === on && one.by === name);
    if (unbuilt) return notBuilt(unbuilt.name, name);
    if (named.length > 1) {
      return new S3Error('InvalidArgument', {
        message: `Conflicting query string parameters: ${named.join(', ')}`,
        extra: { ArgumentName: 'ResourceType', ArgumentValue: named[0]! },
      });
    }
    if (name === 'uploads' && method === 'GET' && on === 'object') {
      return new S3Error('InvalidRequest', { message: 'Key is not expected for the GET method ?uploads subresource' });
    }
    const levels = this.#levels.get(name);
    if (on === 'object' && name === 'logging') return new S3Error('NoLoggingStatusForKey');
    if (on === 'object' && levels && !levels.has('object')) {
      return new S3Error('InvalidRequest', {
        message: `There is no such thing as the ?${name} sub-resource for a key`,
      });
    }
    if (on === 'bucket' && levels && !levels.has('bucket')) {
      return new S3Error('InvalidRequest', { message: 'A key must be specified' });
    }
    if (levels?.has(on)) {
      return new S3Error('MethodNotAllowed', {
        extra: { Method: method, ResourceType: name.toUpperCase() },
        headers: { allow: this.#methods(on, name) },
      });
    }
    return notBuilt(`The sub-resource ${name}`, name);
  }

  /** `by`: of a sub-resource. */
  #methods(on: Route['on'], by?: string): string {
    const has = (route: Compiled): boolean => by === undefined || route.query.some(({ name }) => name === by);
    const levels = [...this.#routes].filter(([level, routes]) => level.endsWith(` ${on}`) && routes.some(has));
    return levels.map(([level]) => level.slice(0, level.indexOf(' '))).join(', ');
  }

  #learn(name: string, on: Route['on']): void {
    const levels = this.#levels.get(name);
    if (levels) levels.add(on);
    else this.#levels.set(name, new Set([on]));
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
    for (const { name } of query) this.#learn(name, route.on);
    const compiled = { operation, query, header: route.header, specificity: specificityOf(route) };
    const routes = this.#routes.get(level);
    if (routes) routes.push(compiled);
    else this.#routes.set(level, [compiled]);
  }
}

/** What another operation would mean by it, and this one would pass over. @throws S3Error InvalidArgument */
function refuseStrays(
  method: string,
  on: Route['on'],
  { query, headers }: Pick<RequestFields, 'query' | 'headers'>,
  best: Compiled | undefined,
): void {
  const source = headers[COPY_SOURCE];
  if (source !== undefined && best?.header !== COPY_SOURCE) {
    throw new S3Error('InvalidArgument', {
      message: 'You can only specify a copy source header for copy requests.',
      extra: { ArgumentName: COPY_SOURCE, ArgumentValue: source },
    });
  }
  const part = query.get('partNumber');
  if (part !== undefined && method === 'PUT' && on === 'object' && !query.has('uploadId')) {
    throw new S3Error('InvalidArgument', {
      message: 'This operation does not accept partNumber without uploadId',
      extra: { ArgumentName: 'partNumber', ArgumentValue: part },
    });
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
