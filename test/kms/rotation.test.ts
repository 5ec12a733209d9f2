import { expect, test } from 'vitest';
import { DAY_MS, makeKms, root, viaS3 } from './harness.js';

const PLAINTEXT = Buffer.from('a secret').toString('base64');

/** A key that rotates every 100 days, and what one asks about it. */
async function makeRotating() {
  const service = makeKms();
  const { ask, createKey, keeper, clock } = service;
  const { KeyId } = await createKey();
  const madeMs = clock.now();
  expect((await ask('EnableKeyRotation', { KeyId, RotationPeriodInDays: 100 })).status).toBe(200);
  const rotations = async () => {
    const { Rotations } = (await ask('ListKeyRotations', { KeyId })).json;
    return Rotations.map((one: { RotationType: string }) => one.RotationType) as string[];
  };
  const nextDay = async () =>
    ((await ask('GetKeyRotationStatus', { KeyId })).json.NextRotationDate * 1000 - madeMs) / DAY_MS;
  const day = async (number: number) => {
    clock.advance(madeMs + number * DAY_MS - clock.now());
    await keeper.run();
    return rotations();
  };
  return { ...service, KeyId, rotations, nextDay, day };
}

test('a key rotates when its time has come, not before, and what it encrypted opens', async () => {
  const { ask, KeyId, day, nextDay, audit } = await makeRotating();
  const blobs: string[] = [];
  const encrypt = async () => blobs.push((await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json.CiphertextBlob);
  await encrypt();
  expect(await nextDay()).toBe(100);
  expect(await day(99.999)).toEqual([]);
  expect(await day(100)).toEqual(['AUTOMATIC']);
  expect(await nextDay()).toBe(200);
  await encrypt();
  expect(await day(199.999)).toEqual(['AUTOMATIC']);
  expect(await day(200)).toEqual(['AUTOMATIC', 'AUTOMATIC']);
  await encrypt();
  const ids = new Set<string>();
  for (const CiphertextBlob of blobs) {
    const { json } = await ask('Decrypt', { CiphertextBlob });
    expect(json.Plaintext).toBe(PLAINTEXT);
    ids.add(json.KeyMaterialId);
  }
  expect(ids.size).toBe(3);
  expect(audit.events.filter(({ action }) => action === 'AutomaticRotation')).toHaveLength(2);
});

test('however many rotations were missed, one makes up for them, and the schedule goes on', async () => {
  const { day, nextDay } = await makeRotating();
  expect(await day(1050)).toEqual(['AUTOMATIC']);
  expect(await nextDay()).toBe(1100);
  expect(await day(1050)).toHaveLength(1);
  expect(await day(1100)).toHaveLength(2);
});

test('a key that is disabled or waits for its deletion isn’t rotated; once enabled it is, once', async () => {
  const { ask, KeyId, day, nextDay } = await makeRotating();
  await ask('DisableKey', { KeyId });
  expect(await day(150)).toEqual([]);
  await ask('EnableKey', { KeyId });
  expect(await day(150)).toEqual(['AUTOMATIC']);
  expect(await nextDay()).toBe(200);
  await ask('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 30 });
  expect((await ask('GetKeyRotationStatus', { KeyId })).json).toMatchObject({ KeyRotationEnabled: false });
  await ask('CancelKeyDeletion', { KeyId });
  expect(await day(320)).toHaveLength(1);
  expect((await ask('GetKeyRotationStatus', { KeyId })).json).toMatchObject({ KeyRotationEnabled: true });
  await ask('EnableKey', { KeyId });
  expect(await day(320)).toHaveLength(2);
});

test('rotation on demand leaves the schedule as it is, and the schedule leaves those on demand', async () => {
  const { ask, KeyId, day, nextDay } = await makeRotating();
  for (let i = 0; i < 25; i++) expect((await ask('RotateKeyOnDemand', { KeyId })).status).toBe(200);
  expect(await nextDay()).toBe(100);
  expect((await ask('RotateKeyOnDemand', { KeyId })).json.__type).toBe('LimitExceededException');
  expect(await day(100)).toHaveLength(26);
  await ask('DisableKeyRotation', { KeyId });
  expect((await ask('GetKeyRotationStatus', { KeyId })).json).toEqual({
    KeyId: expect.stringContaining(KeyId),
    KeyRotationEnabled: false,
  });
  expect(await day(500)).toHaveLength(26);
});

test('a key that can’t rotate is never rotated; asking of it is no error', async () => {
  const { ask, createKey } = makeKms();
  for (const more of [
    { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
    { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    { KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' },
    { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    { Origin: 'EXTERNAL' },
    { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', Origin: 'EXTERNAL' },
  ]) {
    const { KeyId, Arn } = await createKey(more);
    const { status, json } = await ask('GetKeyRotationStatus', { KeyId });
    expect([status, json]).toEqual([200, { KeyId: Arn, KeyRotationEnabled: false }]);
    expect((await ask('EnableKeyRotation', { KeyId })).json.__type).toBe('UnsupportedOperationException');
  }
});

test('another period starts anew, the same goes on', async () => {
  const { ask, KeyId, day, nextDay } = await makeRotating();
  await day(50);
  await ask('EnableKeyRotation', { KeyId, RotationPeriodInDays: 100 });
  expect(await nextDay()).toBe(100);
  await ask('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
  expect(await nextDay()).toBe(140);
  for (const RotationPeriodInDays of [89, 2561, 0, -1]) {
    const { json } = await ask('EnableKeyRotation', { KeyId, RotationPeriodInDays });
    expect(json.__type).toBe('ValidationException');
  }
});

test('an AWS-managed key rotates yearly, and nobody changes that', async () => {
  const { kms, ask, keeper, clock } = makeKms();
  const { ciphertextBlob } = await kms.generateDataKey(viaS3(root()), { keyId: 'alias/aws/s3', context: {} });
  const { KeyId } = (await ask('DescribeKey', { KeyId: 'alias/aws/s3' })).json.KeyMetadata;
  const rotations = async () => (await ask('ListKeyRotations', { KeyId })).json.Rotations.length;
  clock.advance(365 * DAY_MS - 1);
  await keeper.run();
  expect(await rotations()).toBe(0);
  clock.advance(1);
  await keeper.run();
  expect(await rotations()).toBe(1);
  await kms.decrypt(viaS3(root()), { ciphertextBlob, context: {} });
  for (const action of [
    'EnableKeyRotation',
    'DisableKeyRotation',
    'RotateKeyOnDemand',
    'DisableKey',
    'ScheduleKeyDeletion',
  ]) {
    expect((await ask(action, { KeyId })).json.__type, action).toBe('AccessDeniedException');
  }
});

test('any number of keys is due at once, behind any number that wait to be destroyed', async () => {
  const { ask, createKey, keeper, clock, audit } = makeKms();
  for (let i = 0; i < 120; i++) {
    const { KeyId } = await createKey();
    await ask('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
  }
  for (let i = 0; i < 230; i++) {
    const { KeyId } = await createKey();
    await ask('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
  }
  clock.advance(90 * DAY_MS);
  await keeper.run();
  expect(audit.events.filter(({ action }) => action === 'AutomaticRotation')).toHaveLength(230);
  await keeper.run();
  expect(audit.events.filter(({ action }) => action === 'AutomaticRotation')).toHaveLength(230);
});
