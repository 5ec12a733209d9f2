import { AuthError } from '../auth/error.js';
import { BodyDamaged } from '../encryption/body-opener.js';
import { StoreDamaged, StoreUnavailable } from '../store/errors.js';
import type { Fault } from './messages.js';

/** A thread ended with the body in its hands. */
export class BodyThreadLost extends Error {
  override name = 'BodyThreadLost';
}

export function faultOf(error: unknown): Fault {
  if (error instanceof AuthError) {
    const { code, status, message, extra } = error;
    return { type: 'auth', code, status, message, extra: { ...extra } };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StoreDamaged) return { type: 'damaged', message };
  return { type: error instanceof StoreUnavailable ? 'unavailable' : 'other', message };
}

export function errorOf({ type, message, code, status, extra }: Fault): Error {
  switch (type) {
    case 'auth':
      return new AuthError(code!, status!, message, extra);
    case 'damaged':
      return new BodyDamaged(message);
    case 'unavailable':
      return new StoreUnavailable(message);
    default:
      return new Error(message);
  }
}
