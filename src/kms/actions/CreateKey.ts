import { action } from '../action.js';
import { unsupported, validation } from '../errors.js';
import { defaultPolicy } from '../keys.js';
import { checkPolicy, POLICY_LIMITS } from '../policy-text.js';
import { readTags } from '../tags.js';

const SPECS = [
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'SYMMETRIC_DEFAULT',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
  'SM2',
  'ML_DSA_44',
  'ML_DSA_65',
  'ML_DSA_87',
  'ECC_NIST_EDWARDS25519',
] as const;
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
const USAGES = ['SIGN_VERIFY', 'ENCRYPT_DECRYPT', 'GENERATE_VERIFY_MAC', 'KEY_AGREEMENT'] as const;

export const createKey = action({
  name: 'CreateKey',
  input: (input) => ({
    policy: input.text('Policy', POLICY_LIMITS),
    description: input.text('Description', { max: 8192 }) ?? '',
    usage: input.oneOf('KeyUsage', USAGES, SHOWN_USAGES),
    spec:
      input.oneOf('KeySpec', SPECS, SHOWN_SPECS) ??
      input.oneOf('CustomerMasterKeySpec', SPECS, SHOWN_SPECS) ??
      'SYMMETRIC_DEFAULT',
    origin: input.oneOf('Origin', ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']) ?? 'AWS_KMS',
    multiRegion: input.boolean('MultiRegion') ?? false,
    tags: readTags(input),
  }),
  async handle({ policy, description, usage, spec, origin, multiRegion, tags }, who, keys) {
    keys.authorizeAccount(who, 'kms:CreateKey');
    if (spec !== 'SYMMETRIC_DEFAULT' && usage === undefined) {
      throw validation('You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.');
    }
    if (spec !== 'SYMMETRIC_DEFAULT') throw unsupported(`KeySpec ${spec} is not supported by this version of Coffer.`);
    if (usage !== undefined && usage !== 'ENCRYPT_DECRYPT')
      throw validation(`KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
    if (origin !== 'AWS_KMS') throw unsupported(`Origin ${origin} is not supported by this version of Coffer.`);
    if (multiRegion) throw unsupported('Multi-Region keys are not supported: one Coffer is one region.');
    const { accountId } = who.caller;
    if (policy !== undefined) checkPolicy(policy);
    const made = {
      accountId,
      description,
      manager: 'CUSTOMER' as const,
      policy: policy ?? defaultPolicy(accountId),
      tags,
    };
    return { KeyMetadata: keys.metadata(await keys.ring.create(made)) };
  },
});
