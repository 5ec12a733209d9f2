import { randomBytes } from 'node:crypto';
import { action } from '../action.js';
import { NO_KEY_STORES, unsupported, validation } from '../errors.js';
import { refuseRecipient } from '../recipient.js';

export const generateRandom = action({
  name: 'GenerateRandom',
  input: (input) => ({
    bytes: input.integer('NumberOfBytes', { min: 1, max: 1024 }),
    keyStore: input.text('CustomKeyStoreId', { min: 1, max: 64 }),
    recipient: refuseRecipient(input),
  }),
  async run({ bytes, keyStore }, call) {
    call.authorizeOn('*', {});
    if (keyStore !== undefined) throw unsupported(NO_KEY_STORES);
    if (bytes === undefined) throw validation('NumberOfBytes is required.');
    return { Plaintext: randomBytes(bytes).toString('base64') };
  },
});
