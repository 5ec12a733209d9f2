import type { Caller } from '../auth/ports.js';
import type { ConditionValues } from '../policy/ports.js';

/** What S3 answers say about an account; `iam/` implements it. */
export interface Accounts {
  /** Canonical user id of an account, and its display name where answers tell it; undefined for one that Coffer doesn't know. */
  owner(accountId: string): { id: string; displayName?: string } | undefined;
  /** The account of a canonical user id. */
  byCanonicalId(id: string): string | undefined;
  /** Whoever acts where a service acts as this role: the role, where it is there and trusts the service, or an account's root. */
  acting(arn: string, by: { service: string; context: ConditionValues }): Caller | undefined;
  /** The accounts of an e-mail address; case doesn't count. */
  byEmail(email: string): readonly string[];
}
