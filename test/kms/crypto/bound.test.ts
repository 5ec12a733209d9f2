import { expect, test } from 'vitest';
import type { KmsError } from '../../../src/encryption/ports.js';
import { Bound } from '../../../src/kms/crypto/bound.js';
import { makeKms } from '../harness.js';

test('so much runs at once, so much waits in its order, and more is refused', async () => {
  const bound = new Bound({ atOnce: 2, waiting: 3 });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const start = (i: number) =>
    bound.take(async () => {
      begun.push(i);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (i === 1) throw new Error('failed');
      return i;
    });
  const works = [0, 1, 2, 3, 4, 5].map((i) =>
    start(i).catch((error: Error) => error.name === 'KmsError' && (error as KmsError).code),
  );
  expect(await works[5]).toBe('ThrottlingException');
  expect(begun).toEqual([0, 1]);
  const inTurn: number[][] = [];
  for (let i = 0; i < 5; i++) {
    ends[i]!();
    await works[i];
    await Promise.resolve();
    inTurn.push([...begun]);
  }
  expect(inTurn.map((some) => some.length)).toEqual([3, 4, 5, 5, 5]);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  // What failed gave its place up, too.
  const after = start(6);
  ends[5]!();
  expect(await after).toBe(6);
});

test('a flood of RSA pairs is throttled, and leaves the data keys of others alone', async () => {
  const { ask, createKey, audit } = makeKms();
  const { KeyId } = await createKey();
  const flood = Array.from({ length: 20 }, () =>
    ask('GenerateDataKeyPairWithoutPlaintext', { KeyId, KeyPairSpec: 'RSA_2048' }),
  );
  expect((await ask('GenerateDataKey', { KeyId, KeySpec: 'AES_256' })).status).toBe(200);
  const answers = await Promise.all(flood);
  const throttled = answers.filter(({ json }) => json.__type === 'ThrottlingException');
  expect(throttled).toHaveLength(2);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(18);
  expect(audit.events.filter((one) => one.result === 'ThrottlingException')).toHaveLength(2);
});
