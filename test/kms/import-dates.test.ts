import { expect, test } from 'vitest';
import { makeKms } from './harness.js';

test('a date of ImportKeyMaterial that no calendar has is refused', async () => {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey({ Origin: 'EXTERNAL' });
  for (const ValidTo of [1e13, -1e13, 1e300, 8.64e12 + 1]) {
    const input = { KeyId, ImportToken: 'AAAA', EncryptedKeyMaterial: 'AAAA', ValidTo };
    const { status, json } = await ask('ImportKeyMaterial', input);
    expect([status, json.__type], String(ValidTo)).toEqual([400, 'ValidationException']);
  }
});
