import { expect, test, vi } from 'vitest';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { ACCOUNT, makeKms, user } from './harness.js';

/** Reads of all grants of a key. */
const countScans = (meta: MemoryMetaStore) => {
  const read = vi.spyOn(meta, 'range');
  const scans = () => read.mock.calls.filter(([range]) => Buffer.from(range.gte).includes('g/')).length;
  return { scans };
};

test('the grants of a key are read once, however many are made, revoked and used', async () => {
  const meta = new MemoryMetaStore();
  const { ask, createKey, ring } = makeKms(meta);
  const { Arn, KeyId } = await createKey();
  const { scans } = countScans(meta);
  const alice = user();
  const grant = async (Operations: string[]) =>
    (await ask('CreateGrant', { KeyId: Arn, GranteePrincipal: alice.caller.arn, Operations })).json.GrantId as string;
  const encrypt = async () => (await ask('Encrypt', { KeyId: Arn, Plaintext: 'AAAA' }, alice)).json.__type ?? '';
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) {
    ids.push(await grant(['Encrypt', 'Decrypt']));
    expect(await encrypt()).toBe('');
  }
  const listed = async () =>
    (await ask('ListGrants', { KeyId: Arn })).json.Grants.map((one: { GrantId: string }) => one.GrantId);
  expect(await listed()).toEqual([...ids].sort());
  for (const GrantId of ids) {
    expect(await encrypt()).toBe('');
    expect((await ask('RevokeGrant', { KeyId: Arn, GrantId })).status).toBe(200);
  }
  expect(await encrypt()).toBe('AccessDeniedException');
  expect(await listed()).toEqual([]);
  expect(scans()).toBe(1);
  const { byId, byGrantee } = await ring.grants.of(ACCOUNT, KeyId);
  expect([byId.size, byGrantee.size]).toEqual([0, 0]);
});

test('many who ask for the grants of a key at once wait for one reading, and see what was written meanwhile', async () => {
  const meta = new MemoryMetaStore();
  const { Arn, KeyId, first } = await (async () => {
    const { ask, createKey } = makeKms(meta);
    const key = await createKey();
    const made = await ask('CreateGrant', {
      KeyId: key.Arn,
      GranteePrincipal: user().caller.arn,
      Operations: ['Encrypt'],
    });
    return { ...key, first: made.json.GrantId as string };
  })();
  const { ring, ask } = makeKms(meta);
  const { scans } = countScans(meta);
  const reading = Array.from({ length: 50 }, () => ring.grants.of(ACCOUNT, KeyId));
  await Promise.all(reading);
  expect(scans()).toBe(1);
  // A revocation that comes between the reading and its end: what was read isn't kept.
  const { ring: fresh } = makeKms(meta);
  const began = fresh.grants.of(ACCOUNT, KeyId);
  const stored = (await fresh.grants.find({ accountId: ACCOUNT, keyId: KeyId, grantId: first }))!;
  expect(await fresh.grants.delete(stored, (commit) => meta.commit(commit.build()))).toBe(true);
  await began;
  expect((await fresh.grants.of(ACCOUNT, KeyId)).byId.size).toBe(0);
  expect((await ask('DescribeKey', { KeyId: Arn })).status).toBe(200);
});

test('grants are read again where a write failed or its outcome is unknown', async () => {
  const meta = new MemoryMetaStore();
  const { createKey, ring } = makeKms(meta);
  const { KeyId } = await createKey();
  await ring.grants.of(ACCOUNT, KeyId);
  const fresh = { accountId: ACCOUNT, keyId: KeyId, createdMs: 0, issuingAccountId: ACCOUNT };
  const grant = ring.grants.draw({ ...fresh, grantee: user().caller.arn, operations: ['Encrypt'] });
  const written = ring.grants.create(grant, async (commit) => {
    await meta.commit(commit.build());
    throw new Error('outcome unknown');
  });
  await expect(written).rejects.toThrow('outcome unknown');
  expect(ring.grants.cached(KeyId)).toBeUndefined();
  expect([...(await ring.grants.of(ACCOUNT, KeyId)).byId.keys()]).toEqual([grant.grantId]);
  expect(await ring.grants.create(grant, (commit) => meta.commit(commit.build()))).toBe(false);
  expect((await ring.grants.of(ACCOUNT, KeyId)).byGrantee.get(user().caller.arn)).toHaveLength(1);
});
