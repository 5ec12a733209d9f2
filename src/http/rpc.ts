import type { IncomingMessage } from 'node:http';
import { cborOf, parseCborObject } from '../base/cbor.js';
import { parseJsonObject } from '../base/json-object.js';
import type { Exchange } from './exchange.js';
import type { Written } from './writer.js';

const PATH = /^\/service\/(\w{1,64})\/operation\/(\w{1,64})$/;
const TIMESTAMPS: ReadonlySet<string> = new Set(['CreateTimestamp', 'CopyTimestamp', 'DeleteTimestamp']);

/**
 * What a request of the AWS JSON protocol says in X-Amz-Target, and one of Smithy RPC v2 CBOR in its path:
 * `<service>.<operation>`. https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
 */
export function targetOf({ headers }: Pick<IncomingMessage, 'headers'>, rawPath: string): string | undefined {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return target;
  const [, service, operation] = (isCbor(headers) && PATH.exec(rawPath)) || [];
  return service && `${service}.${operation}`;
}

export const isCbor = (headers: IncomingMessage['headers']): boolean => headers['smithy-protocol'] === 'rpc-v2-cbor';

/** Of the protocol that the request speaks. */
export const bodyReader = ({ request }: Exchange) => (isCbor(request.headers) ? parseCborObject : parseJsonObject);

/** An answer or error, in the protocol of the request. */
export function answer({ request, writer }: Exchange, status: number, json: Record<string, unknown>): Written {
  return isCbor(request.headers) ? writer.cbor(status, cborOf(json, TIMESTAMPS)) : writer.json(status, json);
}
