/** A policy document after validation: every element is an array, wildcards are still text. */
export interface PolicyDocument {
  id?: string;
  statements: Statement[];
}

export interface Statement {
  sid?: string;
  effect: 'Allow' | 'Deny';
  /** Absent in identity policies. `'*'` is everyone, anonymous callers included. */
  principals?: PrincipalMatch;
  notPrincipals?: PrincipalMatch;
  actions?: string[];
  notActions?: string[];
  resources?: string[];
  notResources?: string[];
  /** operator → condition key → values. Evaluated in `policy/conditions`. */
  conditions?: Record<string, Record<string, string[]>>;
}

export interface PrincipalMatch {
  any?: boolean;
  aws?: string[];
  service?: string[];
  canonicalUser?: string[];
}

/** Who is asking, as policies see it. Part of every caller (auth/ports.ts). */
export interface Principal {
  kind: 'anonymous' | 'root' | 'user' | 'role' | 'service';
  /** 12 digits; empty for anonymous. */
  accountId: string;
  /** `arn:aws:iam::<account>:root`, `…:user/<name>`, `…:role/<name>`; empty for anonymous. */
  arn: string;
  /** `aws:userid`. */
  userId: string;
  userName?: string;
  canonicalUserId: string;
}

/** One question: may this principal do this action on this resource? */
export interface PolicyRequest {
  principal: Principal;
  /** `s3:GetObject`, `kms:Decrypt` … */
  action: string;
  /** Full ARN. */
  resource: string;
  /** The account that owns the resource. */
  resourceAccountId: string;
  context: ConditionValues;
}

/**
 * What condition keys stand for in a request. Keys are asked for in lower case, `kms:encryptioncontext:<pair>` included; undefined
 * where the request has none. Any `ReadonlyMap` is one; dear values may be worked out when they are asked for.
 */
export interface ConditionValues {
  get(key: string): readonly string[] | undefined;
}

export type Decision = { allowed: true; by: string } | { allowed: false; explicit: boolean; by: string };
