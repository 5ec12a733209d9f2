import type { Clock } from '../base/clock.js';
import type { BodySource } from '../base/stream.js';
import type { Caller, CredentialSource, Service, SignatureFacts } from './ports.js';

export interface AuthOptions {
  credentials: CredentialSource;
  clock: Clock;
  region: string;
  /** What else the credential scope may name. */
  regions?: readonly string[] | undefined;
  service: Service;
  /** KMS and STS: the body, read before, since its hash is part of what is signed. */
  body?: Buffer;
  /** `COFFER_SIGV2`; absent: `deny`. */
  sigV2?: 'allow' | 'deny';
}

export interface Authenticated {
  caller: Caller;
  signature: SignatureFacts;
  /** Puts the verification of the body that the signature calls for around the raw body. */
  wrapBody(raw: BodySource): BodySource;
}
