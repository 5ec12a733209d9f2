import { expect, test, vi } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { parsePkcs11Uri } from '../../src/pkcs11/uri.js';
import { LibraryToken } from '../../src/seal/token/library-token.js';

vi.mock('../../src/pkcs11/pkcs11.js', async (original) => ({
  ...(await original<object>()),
  hasPkcs11js: () => false,
}));

test('without pkcs11js a root key in a token is refused with a line that says what is missing', async () => {
  const uri = parsePkcs11Uri('pkcs11:token=a;object=b?module-path=/bin/true', 'URI');
  const token = new LibraryToken(uri, new Secret(Buffer.from('pin')));
  await expect(token.use(async () => {})).rejects.toMatchObject({
    name: 'RootKeyError',
    message: expect.stringMatching(
      /^a root key in a token needs the package pkcs11js, which is not installed: .*npm ci.*$/,
    ),
  });
});
