import { KmsError } from '../encryption/ports.js';
import type { Input } from './fields.js';

/** Limit and Marker. */
export function readPage(input: Input, limits: { limit: number; max: number }): { limit: number; after: string } {
  const limit = input.integer('Limit', { min: 1, max: limits.max }) ?? limits.limit;
  const marker = input.text('Marker', { min: 1, max: 1024 });
  if (marker === undefined) return { limit, after: '' };
  const after = Buffer.from(marker, 'base64').toString('utf8');
  if (after === '' || Buffer.from(after, 'utf8').toString('base64') !== marker) {
    throw new KmsError('InvalidMarkerException', 'The marker is not valid.');
  }
  return { limit, after };
}

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
