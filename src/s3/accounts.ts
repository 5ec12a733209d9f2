import type { Caller } from '../auth/ports.js';

/** What S3 answers say about an account; `iam/` implements it. */
export interface Accounts {
  /** Canonical user id of an account, and its display name where answers tell it; undefined for one that Coffer doesn't know. */
  owner(accountId: string): { id: string; displayName?: string } | undefined;
  /** The account of a canonical user id. */
  byCanonicalId(id: string): string | undefined;
  /** Whoever acts where S3 acts as this role: the role, or its account's root where no such role is known. */
  acting(roleArn: string): Caller | undefined;
  /** The accounts of an e-mail address; case doesn't count. */
  byEmail(email: string): readonly string[];
}
