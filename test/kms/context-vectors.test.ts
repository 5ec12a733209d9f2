import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeContext } from '../../src/encryption/context.js';
import { makeKms, root } from './harness.js';

/** From `test/second-reader/make_contexts.py`: no two of them are the same. */
const VECTORS = JSON.parse(
  readFileSync(new URL('../../fixtures/vectors/encryption-contexts.json', import.meta.url), 'utf8'),
) as { comment: string; json: string; encoded: string }[];
const PLAINTEXT = Buffer.from('a secret').toString('base64');

/** A request whose context stands in it as it is written, `__proto__` included. */
async function makeService() {
  const { kms, createKey, ask } = makeKms();
  const { KeyId } = await createKey();
  const withContext = async (action: string, members: object, context: string) => {
    const body = `${JSON.stringify(members).slice(0, -1)},"EncryptionContext":${context}}`;
    return (await kms.dispatch(`TrentService.${action}`, Buffer.from(body), root())).json;
  };
  return { KeyId, ask, withContext };
}

test.each(VECTORS)('FMT-CTX-1 $comment is encoded as another program encodes it', ({ json, encoded }) => {
  expect(encodeContext(JSON.parse(json)).toString('hex')).toBe(encoded);
});

test('no two contexts have one encoding, and each ciphertext opens under its own alone', async () => {
  expect(VECTORS).toHaveLength(34);
  expect(new Set(VECTORS.map(({ encoded }) => encoded)).size).toBe(34);
  const { KeyId, withContext } = await makeService();
  let [opened, refused] = [0, 0];
  for (const own of VECTORS) {
    const { CiphertextBlob } = await withContext('Encrypt', { KeyId, Plaintext: PLAINTEXT }, own.json);
    expect(CiphertextBlob, own.comment).toBeTypeOf('string');
    for (const other of VECTORS) {
      const json = await withContext('Decrypt', { CiphertextBlob }, other.json);
      const title = `${own.comment} under ${other.comment}`;
      expect(own === other ? json.Plaintext : json.__type, title).toBe(
        own === other ? PLAINTEXT : 'InvalidCiphertextException',
      );
      own === other ? opened++ : refused++;
    }
  }
  expect([opened, refused]).toEqual([34, 34 * 33]);
});

describe('what is no context', () => {
  test.each([
    ['"a"', 'SerializationException'],
    ['["a"]', 'SerializationException'],
    ['{"a":1}', 'SerializationException'],
    ['{"a":null}', 'SerializationException'],
    ['{"a":{"b":"c"}}', 'SerializationException'],
    ['{"a":"\\ud83d"}', 'SerializationException'],
    ['{"\\ude00":"a"}', 'SerializationException'],
    ['{"\\ude00\\ud83d":"a"}', 'SerializationException'],
    [`{"k":"${'v'.repeat(8185)}"}`, 'ValidationException'],
    [`{"k":"${'ä'.repeat(4092)}v"}`, 'ValidationException'],
  ])('%.40s is refused by %s', async (context, code) => {
    const { KeyId, withContext } = await makeService();
    expect((await withContext('Encrypt', { KeyId, Plaintext: PLAINTEXT }, context)).__type).toBe(code);
  });

  test('null is none', async () => {
    const { KeyId, withContext } = await makeService();
    const { CiphertextBlob } = await withContext('Encrypt', { KeyId, Plaintext: PLAINTEXT }, 'null');
    expect((await withContext('Decrypt', { CiphertextBlob }, '{}')).Plaintext).toBe(PLAINTEXT);
  });
});
