import { partitionOf } from '../base/partition.js';
import { KmsError } from '../encryption/ports.js';
import { decide } from '../policy/decide.js';
import { PolicyError } from '../policy/error.js';
import { parseIdentityPolicy, parseKeyPolicy } from '../policy/parse.js';
import type { PolicyDocument } from '../policy/ports.js';
import { principalsOf } from '../policy/principal-block.js';
import type { Call } from './call.js';
import { KmsConditions } from './conditions.js';
import { notFound, tooLarge } from './errors.js';
import type { KeyRecord } from './key-record.js';
import { keyArn } from './key-reference.js';
import type { Keys } from './keys.js';

/** AWS's limit for a key policy: 32 KiB. */
const POLICY_MAX_BYTES = 32_768;
/** As the API model has it. */
export const POLICY_LIMITS = { min: 1, max: 131_072, pattern: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+' };
/** PolicyNameType of the API model. */
export const POLICY_NAME = { min: 1, max: 128, pattern: '[\\w]+' };

/** @throws MalformedPolicyDocumentException, LimitExceededException */
export function checkPolicy(text: string, { parts: { principals }, region }: Keys): PolicyDocument {
  if (text.length > POLICY_MAX_BYTES) throw tooLarge();
  let policy: PolicyDocument;
  try {
    policy = parseKeyPolicy(text, partitionOf(region));
  } catch (error) {
    if (error instanceof PolicyError) throw malformed(error.message);
    throw error;
  }
  if (principalsOf(policy).some((arn) => principals.exists(arn) === false)) {
    throw malformed('Policy contains a statement with one or more invalid principals.');
  }
  return policy;
}

/**
 * Whoever puts a policy must be let put another, or the key is nobody's to mend. Where the policy trusts the account, its identity
 * policies are taken to allow it. https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
export function requireNoLockout(
  policy: PolicyDocument,
  { who, keys }: Call,
  key: Pick<KeyRecord, 'accountId' | 'keyId'>,
): void {
  const { caller } = who;
  const action = 'kms:PutKeyPolicy';
  const resource = keyArn(keys.region, key);
  const facts = { keys: { 'kms:bypasspolicylockoutsafetycheck': 'false' } };
  const place = { region: keys.region, resourceAccountId: key.accountId };
  const context = new KmsConditions({ who, action, facts, nowMs: keys.clock.now(), ...place });
  const decision = decide(
    { principal: caller, action, resource, resourceAccountId: key.accountId, context },
    { identity: [ALLOWED], resource: policy, accountTrusted: false },
  );
  if (!decision.allowed) {
    throw malformed('The new key policy will not allow you to update the key policy in the future.');
  }
}

const ALLOWED = parseIdentityPolicy({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }],
});

const malformed = (message: string): KmsError => new KmsError('MalformedPolicyDocumentException', message);

/** A key has one policy, and its name is `default`. */
export function requireDefaultName(name: string | undefined): 'default' {
  if (name !== undefined && name !== 'default') throw notFound(`No such policy exists`);
  return 'default';
}
