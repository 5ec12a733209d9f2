import type { EncryptionContext, KmsCallerContext } from '../encryption/ports.js';
import type { ConditionValues } from '../policy/ports.js';
import { isPrimary, type KeyRecord } from './key-record.js';

/** What a request itself brings to the condition keys of KMS. */
export interface RequestFacts {
  encryptionContext?: EncryptionContext;
  /** By condition key in lower case: `kms:signingalgorithm`. */
  keys?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface ConditionParts {
  who: KmsCallerContext;
  action: string;
  facts: RequestFacts;
  nowMs: number;
  /** Where the key service is that is asked. */
  region: string;
  /** The account of the key or alias; of what is about neither, the caller's. */
  resourceAccountId: string;
  /** The key that is asked about; absent for what is about no key in particular. */
  record?: KeyRecord;
  /** Names of its aliases. */
  aliases?: () => readonly string[];
  /** The alias by which the request named the key. */
  requestAlias?: string | undefined;
}

/** Actions that have `kms:GrantIsForAWSResource`: true where a service asks on somebody's behalf. */
const ABOUT_GRANTS: ReadonlySet<string> = new Set(['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant']);
const CONTEXT = 'kms:encryptioncontext:';
const RESOURCE_TAG = 'aws:resourcetag/';

/**
 * The values of condition keys in a KMS request, worked out when a policy asks.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
 */
export class KmsConditions implements ConditionValues {
  constructor(private readonly parts: ConditionParts) {}

  get(key: string): readonly string[] | undefined {
    const { who, facts, record } = this.parts;
    const own = facts.keys?.[key];
    if (own !== undefined) return typeof own === 'string' ? [own] : own;
    switch (key) {
      case 'kms:calleraccount':
        return one(who.caller.accountId);
      case 'kms:viaservice':
        return one(who.viaService);
      case 'aws:viaawsservice':
        return [String(who.viaService !== undefined)];
      case 'kms:encryptioncontextkeys': {
        const names = Object.keys(facts.encryptionContext ?? {});
        return names.length === 0 ? undefined : names;
      }
      case 'kms:requestalias':
        return one(this.parts.requestAlias);
      case 'kms:resourcealiases': {
        const names = this.parts.aliases?.() ?? [];
        return names.length === 0 ? undefined : names;
      }
      case 'kms:keyspec':
      case 'kms:customermasterkeyspec':
        return one(record?.spec);
      case 'kms:keyusage':
      case 'kms:customermasterkeyusage':
        return one(record?.usage);
      case 'kms:keyorigin':
        return one(record?.origin);
      case 'kms:grantisforawsresource':
        return ABOUT_GRANTS.has(this.parts.action) ? [String(who.viaService !== undefined)] : undefined;
      case 'kms:multiregion':
        return record && [String(record.multiRegion !== undefined)];
      case 'kms:multiregionkeytype':
        return record?.multiRegion && [isPrimary(record) ? 'PRIMARY' : 'REPLICA'];
      case 'aws:requestedregion':
        return [this.parts.region];
      case 'aws:resourceaccount':
        return one(this.parts.resourceAccountId);
      case 'aws:currenttime':
        return [new Date(this.parts.nowMs).toISOString()];
      case 'aws:epochtime':
        return [String(Math.floor(this.parts.nowMs / 1000))];
    }
    if (key.startsWith(CONTEXT)) return pair(facts.encryptionContext, key.slice(CONTEXT.length));
    if (key.startsWith(RESOURCE_TAG)) return tag(record, key.slice(RESOURCE_TAG.length));
    return who.requestContext?.get(key);
  }
}

const one = (value: string | undefined): readonly string[] | undefined =>
  value === undefined || value === '' ? undefined : [value];

/** The pair's key is part of the condition key, and so without regard to case; pairs that differ in case alone all count. */
function pair(context: EncryptionContext | undefined, name: string): readonly string[] | undefined {
  return valuesOf(Object.entries(context ?? {}), name);
}

/** As with pairs: of tags that differ in case alone none hides another. */
function tag(record: KeyRecord | undefined, name: string): readonly string[] | undefined {
  return valuesOf(record?.tags ?? [], name);
}

function valuesOf(entries: readonly (readonly [string, string])[], name: string): readonly string[] | undefined {
  const values = entries.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values;
}

/** `aws:RequestTag/…` and `aws:TagKeys` of a request with tags. */
export function tagFacts(tags: readonly (readonly [key: string, value: string])[]): NonNullable<RequestFacts['keys']> {
  const names = new Set(tags.map(([key]) => key.toLowerCase()));
  return {
    ...Object.fromEntries([...names].map((name) => [`aws:requesttag/${name}`, valuesOf(tags, name)])),
    ...(tags.length > 0 && { 'aws:tagkeys': tags.map(([key]) => key) }),
  };
}
