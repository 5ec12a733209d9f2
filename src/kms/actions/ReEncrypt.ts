import { action, requireConnected, requireUsable } from '../action.js';
import { algorithmFacts, readAlgorithm, requireAlgorithm } from '../algorithm.js';
import { keyFor, open, readCiphertext, readSourceKey } from '../ciphertext.js';
import { dryRunSucceeded } from '../errors.js';
import { KEY_ID } from '../fields.js';
import type { KeyRecord } from '../key-record.js';
import { encryptUnderRsa } from '../rsa.js';
import { encryptUnder } from '../symmetric.js';

export const reEncrypt = action({
  name: 'ReEncrypt',
  permissions: ['kms:ReEncryptFrom', 'kms:ReEncryptTo'],
  states: 'usable',
  usage: 'ENCRYPT_DECRYPT',
  otherAccounts: true,
  byAlias: true,
  dryRun: true,
  cryptographic: true,
  input: (input) => {
    const target = input.requiredText('DestinationKeyId', KEY_ID);
    const dryRun = input.boolean('DryRun') ?? false;
    const blob = readCiphertext(input, dryRun);
    const algorithm = readAlgorithm(input, 'SourceEncryptionAlgorithm');
    const needed = blob === undefined || algorithm !== 'SYMMETRIC_DEFAULT';
    return {
      dryRun,
      source: {
        blob,
        algorithm,
        context: input.context('SourceEncryptionContext'),
        keyId: readSourceKey(input, 'SourceKeyId', needed),
      },
      keyId: target,
      context: input.context('DestinationEncryptionContext'),
      algorithm: readAlgorithm(input, 'DestinationEncryptionAlgorithm'),
      tokens: input.grantTokens(),
    };
  },
  async run({ dryRun, source, keyId, context, algorithm }, call) {
    const { keys } = call;
    call.note({ encryptionContext: source.context, dryRun });
    // Whether both are one key is a condition of either permission: the destination is looked up before anything is decided.
    const named = call.reference(keyId, { byAlias: true });
    const target = await call.named(named, 'kms:ReEncryptTo');
    const same = (from: KeyRecord) => ({ 'kms:reencryptonsamekey': String(from.keyId === target.keyId) });
    const from = await keyFor(call, source, 'kms:ReEncryptFrom', same);
    call.note({ sourceKeyArn: keys.arn(from), keyArn: keys.arn(target) });
    const facts = { encryptionContext: context, keys: { ...algorithmFacts(algorithm), ...same(from) } };
    await call.authorize(target, facts, {
      action: 'kms:ReEncryptTo',
      otherAccounts: true,
      reference: named,
    });
    requireUsable(call, target, 'usable', 'ENCRYPT_DECRYPT');
    const connected = requireConnected(call, target);
    if (connected) await connected;
    requireAlgorithm(algorithm, target.spec, context);
    if (source.blob === undefined) throw dryRunSucceeded();
    const opened = open(call, from, source);
    const { plaintext, keyMaterialId } = opened instanceof Promise ? await opened : opened;
    try {
      if (dryRun) throw dryRunSucceeded();
      const made =
        algorithm === 'SYMMETRIC_DEFAULT'
          ? await encryptUnder(call, target, context, plaintext)
          : { blob: encryptUnderRsa(call, target, algorithm, plaintext), keyMaterialId: undefined };
      call.uses(from);
      call.uses(target);
      return {
        CiphertextBlob: made.blob.toString('base64'),
        SourceKeyId: keys.arn(from),
        KeyId: keys.arn(target),
        SourceEncryptionAlgorithm: source.algorithm,
        DestinationEncryptionAlgorithm: algorithm,
        ...(keyMaterialId !== undefined && { SourceKeyMaterialId: keyMaterialId }),
        ...(made.keyMaterialId !== undefined && { DestinationKeyMaterialId: made.keyMaterialId }),
      };
    } finally {
      plaintext.fill(0);
    }
  },
});
