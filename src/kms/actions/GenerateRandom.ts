import { randomBytes } from 'node:crypto';
import { action } from '../action.js';
import { unsupported, validation } from '../errors.js';
import { refuseRecipient } from '../recipient.js';

export const generateRandom = action({
  name: 'GenerateRandom',
  input: (input) => ({
    bytes: input.integer('NumberOfBytes', { min: 1, max: 1024 }),
    customKeyStore: input.has('CustomKeyStoreId'),
    recipient: refuseRecipient(input),
  }),
  async run({ bytes, customKeyStore }, call) {
    call.authorizeOn('*', {});
    if (customKeyStore) throw unsupported('Custom key stores are not supported by this version of Coffer.');
    if (bytes === undefined) throw validation('NumberOfBytes is required.');
    return { Plaintext: randomBytes(bytes).toString('base64') };
  },
});
