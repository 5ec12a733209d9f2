import type { Secret } from '../base/secret.js';
import type { PolicyDocument, Principal } from '../policy/ports.js';

/** Who sent the request, as `iam/` knows them. */
export interface Caller extends Principal {
  displayName: string;
  /** Empty for anonymous. */
  accessKeyId: string;
  /** Identity policies; roots have none and need none in their own account. */
  policies: readonly PolicyDocument[];
}

export const ANONYMOUS: Caller = {
  kind: 'anonymous',
  accountId: '',
  arn: '',
  userId: '',
  canonicalUserId: '',
  displayName: '',
  accessKeyId: '',
  policies: [],
};

export interface Credential {
  accessKeyId: string;
  secretAccessKey: Secret;
  caller: Caller;
}

/** Implemented by `iam/`. In memory: credentials are read at start. */
export interface CredentialSource {
  find(accessKeyId: string): Credential | undefined;
}

/** The parts of a request that authentication reads; built by the edge from the raw request, without parsing it twice. */
export interface SignedRequest {
  method: string;
  /** Raw path as sent, percent-encoding untouched, without the query. Starts with `/`. */
  rawPath: string;
  /** Raw query as sent, without `?`; empty if none. */
  rawQuery: string;
  /** Lower-case names. A header on several lines is joined with `,` alone; a character for a byte. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The bucket that a virtual host names; it is part of what Signature V2 signs. */
  virtualBucket?: string;
}

export type Service = 's3' | 'kms' | 'cloudhsm' | 'sts';

/** How the request was signed; feeds `s3:authType`, `s3:signatureversion`, `s3:signatureAge`. */
export interface SignatureFacts {
  type: 'anonymous' | 'REST-HEADER' | 'REST-QUERY-STRING' | 'POST';
  version: '' | 'AWS4-HMAC-SHA256' | 'AWS';
  /** Milliseconds between the signature's date and now. */
  ageMs: number;
  /** Region of the credential scope, empty for anonymous. */
  region: string;
}
