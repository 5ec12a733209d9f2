import { randomUUID } from 'node:crypto';
import { untilCommitted } from '../../store/conflict.js';
import { action } from '../action.js';
import { tagFacts } from '../conditions.js';
import { algorithmsOf, KEY_SPECS, requireKeySpec, UNSUPPORTED_SPECS } from '../crypto/key-spec.js';
import { defaultPolicy } from '../default-policies.js';
import { validation } from '../errors.js';
import { keyStoreOf, makeHeldKey } from '../key-stores/new-key.js';
import type { NewKey } from '../keys.js';
import { metadata } from '../metadata.js';
import { checkPolicy, POLICY_LIMITS, requireNoLockout } from '../policy-text.js';
import { readTags } from '../tags.js';

const SPECS = [...Object.keys(KEY_SPECS), ...UNSUPPORTED_SPECS];
/** As AWS lists them in its message. */
const SHOWN_SPECS = [
  'RSA_2048',
  'ECC_NIST_P384',
  'ECC_NIST_P256',
  'ECC_NIST_P521',
  'HMAC_384',
  'RSA_3072',
  'ECC_SECG_P256K1',
  'RSA_4096',
  'SYMMETRIC_DEFAULT',
  'HMAC_256',
  'HMAC_224',
  'HMAC_512',
];
const SHOWN_USAGES = ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'GENERATE_VERIFY_MAC'];
const USAGES = [
  'SIGN_VERIFY',
  'ENCRYPT_DECRYPT',
  'GENERATE_VERIFY_MAC',
  'KEY_AGREEMENT',
  'ENCAPSULATE_DECAPSULATE',
] as const;

export const createKey = action({
  name: 'CreateKey',
  permissions: ['kms:CreateKey', 'kms:TagResource'],
  input: (input) => ({
    policy: input.text('Policy', POLICY_LIMITS),
    description: input.text('Description', { max: 8192 }) ?? '',
    usage: input.oneOf('KeyUsage', USAGES, SHOWN_USAGES),
    spec: input.oneOf('KeySpec', SPECS, SHOWN_SPECS),
    oldSpec: input.oneOf('CustomerMasterKeySpec', SPECS, SHOWN_SPECS),
    origin: input.oneOf('Origin', ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']) ?? 'AWS_KMS',
    multiRegion: input.boolean('MultiRegion') ?? false,
    bypass: input.boolean('BypassPolicyLockoutSafetyCheck') ?? false,
    keyStore: input.text('CustomKeyStoreId', { min: 1, max: 64 }),
    xksKey: input.text('XksKeyId', { min: 1, max: 128, pattern: '^[a-zA-Z0-9-_.]+$' }),
    tags: readTags(input.list('Tags') ?? []),
  }),
  async run({ policy, description, usage: asked, origin, multiRegion, bypass, tags, ...more }, call) {
    const { keys, who } = call;
    const named = more.spec ?? more.oldSpec ?? 'SYMMETRIC_DEFAULT';
    const usage = asked ?? (named === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : undefined);
    const facts = {
      keys: {
        'kms:keyspec': named,
        'kms:keyusage': usage,
        'kms:keyorigin': origin,
        'kms:multiregion': String(multiRegion),
        'kms:multiregionkeytype': multiRegion ? 'PRIMARY' : undefined,
        'kms:bypasspolicylockoutsafetycheck': String(bypass),
        ...tagFacts(tags),
      },
    };
    call.authorizeOn('*', facts);
    if (tags.length > 0) call.authorizeOn('*', facts, 'kms:TagResource');
    if (more.spec !== undefined && more.oldSpec !== undefined) {
      throw validation(
        'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
      );
    }
    if (usage === undefined) {
      throw validation('You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.');
    }
    const spec = requireKeySpec(named);
    // Not every usage goes with every spec.
    algorithmsOf(spec, usage);
    const keyId = multiRegion ? `mrk-${randomUUID().replaceAll('-', '')}` : randomUUID();
    const about = { keyId, origin, spec, multiRegion, keyStoreId: more.keyStore, xksKeyId: more.xksKey };
    const keyStore = keyStoreOf(about);
    const { accountId } = who.caller;
    if (policy !== undefined) {
      const parsed = checkPolicy(policy, keys);
      if (!bypass) requireNoLockout(parsed, call, { accountId, keyId: '*' });
    }
    call.note({
      keyArn: keys.arn({ accountId, keyId }),
      details: { KeySpec: spec, KeyUsage: usage, Origin: origin, ...(multiRegion && { MultiRegion: true }) },
    });
    const held = keyStore && (await makeHeldKey(call, keyStore, about));
    const key: NewKey = {
      keyId,
      accountId,
      description,
      manager: 'CUSTOMER',
      policy: policy ?? defaultPolicy(accountId, keys.region),
      tags,
      spec,
      usage,
      origin,
      ...(held && { keyStore: held.keyStore }),
      ...(multiRegion && { multiRegion: { primary: keys.ring.place, replicas: [] } }),
    };
    try {
      const made = await untilCommitted(() => keys.create(key, held?.committing ?? call.committing));
      return { KeyMetadata: await metadata(made, keys) };
    } catch (error) {
      await held?.drop();
      throw error;
    }
  },
});
