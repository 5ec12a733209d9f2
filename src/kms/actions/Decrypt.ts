import { action } from '../action.js';
import { readAlgorithm } from '../algorithm.js';
import { keyFor, open, readCiphertext, readSourceKey } from '../ciphertext.js';
import { dryRunSucceeded } from '../errors.js';
import { refuseRecipient } from '../recipient.js';

export const decrypt = action({
  name: 'Decrypt',
  states: 'usable',
  usage: 'ENCRYPT_DECRYPT',
  otherAccounts: true,
  byAlias: true,
  dryRun: true,
  cryptographic: true,
  input: (input) => {
    const dryRun = input.boolean('DryRun') ?? false;
    const algorithm = readAlgorithm(input, 'EncryptionAlgorithm');
    const blob = readCiphertext(input, dryRun);
    return {
      dryRun,
      blob,
      algorithm,
      context: input.context('EncryptionContext'),
      keyId: readSourceKey(input, 'KeyId', blob === undefined || algorithm !== 'SYMMETRIC_DEFAULT'),
      tokens: input.grantTokens(),
      recipient: refuseRecipient(input),
    };
  },
  async run({ dryRun, ...ciphertext }, call) {
    call.note({ encryptionContext: ciphertext.context, dryRun });
    const record = await keyFor(call, ciphertext, 'kms:Decrypt');
    if (ciphertext.blob === undefined) throw dryRunSucceeded();
    const opened = open(call, record, ciphertext);
    const { plaintext, keyMaterialId } = opened instanceof Promise ? await opened : opened;
    try {
      if (dryRun) throw dryRunSucceeded();
      call.uses(record);
      return {
        KeyId: call.keys.arn(record),
        Plaintext: plaintext.toString('base64'),
        EncryptionAlgorithm: ciphertext.algorithm,
        ...(keyMaterialId !== undefined && { KeyMaterialId: keyMaterialId }),
      };
    } finally {
      plaintext.fill(0);
    }
  },
});
