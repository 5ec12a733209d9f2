/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html */
export type PolicyVersion = '2012-10-17' | '2008-10-17';

/** A policy document after validation: every element is an array, wildcards are still text. */
export interface PolicyDocument {
  id?: string;
  /** Absent is 2008-10-17, which has no policy variables. */
  version?: PolicyVersion;
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
  /** operator → condition key as written → values. */
  conditions?: Record<string, Record<string, string[]>>;
}

export interface PrincipalMatch {
  any?: boolean;
  aws?: string[];
  service?: string[];
  canonicalUser?: string[];
  /** Identity providers. Nobody signs in through one here: they match nobody. */
  federated?: string[];
}

/** Who is asking, as policies see it. Part of every caller (auth/ports.ts). */
export interface Principal {
  kind: 'anonymous' | 'root' | 'user' | 'role' | 'service';
  /** 12 digits; empty for anonymous. */
  accountId: string;
  /** `arn:aws:iam::<account>:root`, `…:user/<name>`, `…:role/<name>`; of a service its name (`s3.amazonaws.com`); empty for anonymous. */
  arn: string;
  /** Of a role's session: `arn:aws:sts::<account>:assumed-role/<role>/<session>`. */
  sessionArn?: string;
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

/** On what a request is decided; the words of the AWS access denied messages come from `by`. */
export type Decision =
  | { allowed: true; by: 'account root' | 'identity policy' | 'resource policy' | 'grant' }
  /** An explicit deny, in the policy that `by` names. */
  | { allowed: false; explicit: true; by: 'identity policy' | 'resource policy' }
  /** Nothing allows: no identity policy, no policy or grant of the resource, or of a resource in another account. */
  | { allowed: false; explicit: false; by: 'no identity policy' | 'no resource policy' | 'other account' };

/** The policies that have a say in a request. */
export interface PolicySources {
  /** Of the caller: user or role. */
  identity: readonly PolicyDocument[];
  /** Of the resource: a key's or a bucket's policy. */
  resource?: PolicyDocument;
  /**
   * Whether the account that owns the resource decides over it by identity policies, whatever the resource policy says. True of
   * buckets. A KMS key answers only to an account that its policy trusts. Default: true without a resource policy.
   */
  accountTrusted?: boolean;
  /** Whether something else on the resource's side allows it: a grant of a key, an ACL. Asked only if nothing before it decides. */
  granted?: () => boolean;
}
