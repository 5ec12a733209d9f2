import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { BoundedMap } from '../base/bounded-map.js';
import type { Secret } from '../base/secret.js';
import type { Scope } from './scope.js';

const cache = new BoundedMap<{ secret: Secret; key: KeyObject }>(1000);

const hmac = (key: Buffer | string, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/** The day's key for a scope. Four HMACs, so kept; keyed by the secret object too, for tests that use one key id with two secrets. */
export function signingKey(accessKeyId: string, secret: Secret, scope: Scope): KeyObject {
  const name = `${accessKeyId}/${scope.date}/${scope.region}/${scope.service}`;
  const cached = cache.get(name);
  if (cached?.secret === secret) return cached.key;
  const start = Buffer.concat([Buffer.from('AWS4'), secret.expose()]);
  const bytes = hmac(hmac(hmac(hmac(start, scope.date), scope.region), scope.service), 'aws4_request');
  const key = createSecretKey(bytes);
  for (const one of [start, bytes]) one.fill(0);
  cache.set(name, { secret, key });
  return key;
}

/** Hex. */
export const sign = (key: KeyObject, stringToSign: string): string =>
  createHmac('sha256', key).update(stringToSign).digest('hex');
