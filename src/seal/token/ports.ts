import type { RootTokenCalls } from './protocol.js';

/** Calls of one process, logged in. @throws TokenRefused where the token says no, ProcessLost */
export type TokenSession = {
  [C in Exclude<keyof RootTokenCalls, 'login'>]: (
    request: Parameters<RootTokenCalls[C]>[0],
  ) => Promise<ReturnType<RootTokenCalls[C]>>;
};

/** A token with the key that a root key is wrapped under. */
export interface KeyToken {
  /** URI, as it was given. */
  readonly uri: string;
  /** @throws RootKeyError, in one line, for whatever the token or its library refuses */
  use<T>(work: (session: TokenSession) => Promise<T>): Promise<T>;
}
