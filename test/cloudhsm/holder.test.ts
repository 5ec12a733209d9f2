import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { TokenKeys } from '../../src/cloudhsm/holder.js';
import { InvalidHeldCiphertext, KeyHolderUnavailable } from '../../src/kms/key-stores/ports.js';
import { ACCOUNT } from '../kms/harness.js';
import { lacking, OFFICER_PASSWORD } from '../support/cloudhsm.js';
import { activeCluster, type Hsm, holderOf, hsmIds, makeHsm, operator, pkcs11Tool, until } from './harness.js';

const AAD = Buffer.from('the encoded context');
const PLAINTEXT = Buffer.from('thirty-two bytes of a data key..');

describe.skipIf(lacking)(`keys in tokens${lacking ? ` (left out: ${lacking})` : ''}`, { timeout: 300_000 }, () => {
  let hsm: Hsm;
  let holder: TokenKeys | undefined;
  afterEach(async () => {
    await holder?.disconnect();
    holder = undefined;
    await hsm.close();
  });

  /** Its token is gone, and so it can't come back before `bringBack`. */
  const takeAway = async (id: string) => {
    await rename(join(hsm.tokens, id), join(hsm.tokens, `${id}.away`));
    process.kill(holder!.pidOf(id)!, 'SIGKILL');
    await until(() => holder!.troubleOf(id) !== undefined);
  };
  const bringBack = async (id: string) => {
    await rename(join(hsm.tokens, `${id}.away`), join(hsm.tokens, id));
    await until(() => holder!.troubleOf(id) === undefined);
  };

  test('are made in all members, sensitive, open what they sealed under its additional data alone, and are deleted', async () => {
    hsm = await makeHsm();
    const { clusterId, hsms } = await activeCluster(hsm, 2);
    for (const [password, code] of [['another-password', 'INVALID_CREDENTIALS']] as const) {
      await expect(holderOf(hsm, clusterId, password).connect()).rejects.toMatchObject({ code });
    }
    await expect(holderOf(hsm, 'cluster-aaaaaaaaaaa').connect()).rejects.toMatchObject({ code: 'CLUSTER_NOT_FOUND' });
    holder = holderOf(hsm, clusterId);
    await holder.connect();
    const key = await holder.makeKey('1234abcd-12ab-34cd-56ef-1234567890ab');
    const other = await holder.makeKey('other');
    for (const id of hsms) {
      const shown = pkcs11Tool(hsm, id, '--list-objects', '--type', 'secrkey');
      expect(shown).toContain('kms:1234abcd-12ab-34cd-56ef-1234567890ab');
      expect(shown).toMatch(/Access:\s+sensitive/);
      expect(() => pkcs11Tool(hsm, id, '--read-object', '--type', 'secrkey', '--id', key)).toThrow(
        /SENSITIVE|sensitive/,
      );
    }
    for (const plaintext of [PLAINTEXT, Buffer.alloc(0), Buffer.alloc(4096, 1)]) {
      const sealed = await holder.encrypt(key, plaintext, AAD);
      expect(await holder.encrypt(key, plaintext, AAD)).not.toEqual(sealed);
      // From each of the two in turn.
      for (let i = 0; i < 4; i++) expect(await holder.decrypt(key, sealed, AAD)).toEqual(plaintext);
      const changed = Buffer.from(sealed);
      changed[changed.length - 1]! ^= 1;
      await expect(holder.decrypt(key, changed, AAD)).rejects.toBeInstanceOf(InvalidHeldCiphertext);
      await expect(holder.decrypt(key, sealed, Buffer.from('x'))).rejects.toBeInstanceOf(InvalidHeldCiphertext);
      await expect(holder.decrypt(other, sealed, AAD)).rejects.toBeInstanceOf(InvalidHeldCiphertext);
      await expect(holder.decrypt(key, sealed.subarray(0, 20), AAD)).rejects.toBeInstanceOf(InvalidHeldCiphertext);
    }
    expect(holder.counts).toEqual({ serving: 2, lost: 0, losses: 0 });
    await holder.deleteKey(key);
    await holder.deleteKey(key);
    for (const id of hsms) expect(pkcs11Tool(hsm, id, '--list-objects', '--type', 'secrkey')).not.toContain('1234abcd');
    await expect(holder.encrypt(key, PLAINTEXT, AAD)).rejects.toBeInstanceOf(KeyHolderUnavailable);
    await holder.encrypt(other, PLAINTEXT, AAD);
  });

  test('serve without a failed request while members are killed, stopped and return', async () => {
    hsm = await makeHsm();
    const { clusterId, hsms } = await activeCluster(hsm, 2);
    holder = holderOf(hsm, clusterId);
    await holder.connect();
    const key = await holder.makeKey('key');
    let done = 0;
    let running = true;
    const load = Array.from({ length: 8 }, async () => {
      while (running) {
        const sealed = await holder!.encrypt(key, PLAINTEXT, AAD);
        expect(await holder!.decrypt(key, sealed, AAD)).toEqual(PLAINTEXT);
        done++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    for (const [signal, id] of [
      ['SIGKILL', hsms[0]!],
      ['SIGSTOP', hsms[1]!],
      ['SIGSTOP', hsms[0]!],
    ] as const) {
      const pid = holder.pidOf(id)!;
      const before = done;
      process.kill(pid, signal);
      await until(() => holder!.pidOf(id) !== pid && holder!.troubleOf(id) === undefined && done > before + 50);
    }
    running = false;
    await Promise.all(load);
    expect(holder.counts).toEqual({ serving: 2, lost: 0, losses: 3 });
    expect(hsm.said.filter(({ message }) => message.includes('is lost'))).toHaveLength(3);
    expect(hsm.said.filter(({ message }) => message.includes('serves again'))).toHaveLength(3);
  });

  test('come to a member that was away, those that were deleted meanwhile go from it, and none is lost by that', async () => {
    hsm = await makeHsm({ allowSingleMember: true });
    const { clusterId, hsms, add } = await activeCluster(hsm, 2);
    const [a, b] = hsms as [string, string];
    holder = holderOf(hsm, clusterId);
    await holder.connect();
    const old = await holder.makeKey('old');
    const gone = await holder.makeKey('gone');
    await takeAway(a);
    const { Clusters } = await hsm.ask('DescribeClusters');
    expect(Clusters[0].Hsms.map(({ State }: { State: string }) => State).sort()).toEqual(['ACTIVE', 'DEGRADED']);
    const fresh = await holder.makeKey('fresh');
    const sealed = await holder.encrypt(fresh, PLAINTEXT, AAD);
    await holder.deleteKey(gone);
    await bringBack(a);
    await takeAway(b);
    expect(await holder.decrypt(fresh, sealed, AAD)).toEqual(PLAINTEXT);
    await holder.encrypt(old, PLAINTEXT, AAD);
    await expect(holder.encrypt(gone, PLAINTEXT, AAD)).rejects.toBeInstanceOf(KeyHolderUnavailable);

    // All away: nothing works, and everything does again.
    await takeAway(a);
    await expect(holder.encrypt(old, PLAINTEXT, AAD)).rejects.toBeInstanceOf(KeyHolderUnavailable);
    await expect(holder.decrypt(fresh, sealed, AAD)).rejects.toBeInstanceOf(KeyHolderUnavailable);
    await expect(holder.makeKey('none')).rejects.toBeInstanceOf(KeyHolderUnavailable);
    expect(await hsm.cloudhsm.describe(ACCOUNT, clusterId)).toMatchObject({ state: 'ACTIVE', activeMembers: 0 });
    await bringBack(b);
    expect(await holder.decrypt(fresh, sealed, AAD)).toEqual(PLAINTEXT);
    await bringBack(a);

    // A new member has all keys before it serves.
    await add(3);
    await until(() => holder!.counts.serving === 3);
    const third = (await hsmIds(hsm, clusterId)).find((id) => !hsms.includes(id))!;
    await takeAway(a);
    await takeAway(b);
    expect(holder.troubleOf(third)).toBeUndefined();
    expect(await holder.decrypt(fresh, sealed, AAD)).toEqual(PLAINTEXT);
    await expect(holder.encrypt(gone, PLAINTEXT, AAD)).rejects.toBeInstanceOf(KeyHolderUnavailable);
  });

  test('are made in two members at least, unless the file allows one', async () => {
    hsm = await makeHsm();
    const { clusterId } = await activeCluster(hsm, 1);
    holder = holderOf(hsm, clusterId);
    await holder.connect();
    await expect(holder.makeKey('key')).rejects.toMatchObject({
      createKeyCode: 'CloudHsmClusterInvalidConfigurationException',
    });
    expect(await hsm.cloudhsm.describe(ACCOUNT, clusterId)).toMatchObject({
      ...{ state: 'ACTIVE', activeMembers: 1, allowSingleMember: false },
    });
    expect(await hsm.cloudhsm.describe(ACCOUNT, 'cluster-aaaaaaaaaaa')).toBeUndefined();
  });

  test('stay when kmsuser gets another password, which alone connects from then on', async () => {
    hsm = await makeHsm({ allowSingleMember: true });
    const { clusterId } = await activeCluster(hsm, 1);
    holder = holderOf(hsm, clusterId);
    await holder.connect();
    const reference = await holder.makeKey('key');
    const sealed = await holder.encrypt(reference, PLAINTEXT, AAD);
    // Connecting changes no password: its owner goes on using the token.
    expect(pkcs11Tool(hsm, (await hsmIds(hsm, clusterId))[0]!, '--list-objects', '--type', 'secrkey')).toContain(
      'kms:key',
    );
    await holder.disconnect();
    const kmsuser = { name: 'kmsuser', userPin: 'another-password', soPin: OFFICER_PASSWORD };
    await hsm.cloudhsm.officers.changeUserPassword(operator(clusterId), kmsuser);
    await expect(holderOf(hsm, clusterId).connect()).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    holder = holderOf(hsm, clusterId, 'another-password');
    await holder.connect();
    expect((await holder.decrypt(reference, sealed, AAD)).equals(PLAINTEXT)).toBe(true);
  });

  test('are those of kmsuser: a cluster with another user is none of a key store', async () => {
    hsm = await makeHsm();
    const { clusterId } = await activeCluster(hsm, 1, 'alice');
    await expect(holderOf(hsm, clusterId).connect()).rejects.toMatchObject({ code: 'USER_NOT_FOUND' });
  });
});
