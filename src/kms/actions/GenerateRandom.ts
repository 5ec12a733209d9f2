import { randomBytes } from 'node:crypto';
import { action } from '../action.js';
import { validation } from '../errors.js';
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
    if (bytes === undefined) throw validation('NumberOfBytes is required.');
    if (keyStore !== undefined) {
      const random = await call.keys.stores.random(call, keyStore, bytes);
      return { Plaintext: random.toString('base64') };
    }
    return { Plaintext: randomBytes(bytes).toString('base64') };
  },
});
