import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { readHsmFile } from '../../src/cloudhsm/hsm-file.js';
import { lacking, OFFICER_PASSWORD, SOFTHSM, USER_PASSWORD } from '../support/cloudhsm.js';
import { activeCluster, DAY_MS, type Hsm, holderOf, hsmIds, makeHsm, operator, until } from './harness.js';

const PINS = { officer: 'pin-of-the-vendor-so', user: 'pin-of-the-vendor-user' };
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** SoftHSM with one folder for all of its slots, as a device has them. */
async function makeDevice() {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-slots-'));
  await mkdir(join(dir, 'tokens'));
  const SOFTHSM2_CONF = join(dir, 'softhsm2.conf');
  await writeFile(SOFTHSM2_CONF, `directories.tokendir = ${join(dir, 'tokens')}\nobjectstore.backend = file\n`);
  const env = { ...process.env, SOFTHSM2_CONF };
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { env, encoding: 'utf8', stdio: 'pipe' });
  const [officerPinFile, userPinFile] = [join(dir, 'officer'), join(dir, 'user')];
  await writeFile(officerPinFile, `${PINS.officer}\n`);
  await writeFile(userPinFile, PINS.user);
  /** A token that its vendor initialized. */
  const token = (label: string) => {
    const pins = ['--so-pin', PINS.officer, '--pin', PINS.user];
    const said = run('softhsm2-util', '--init-token', '--free', '--label', label, ...pins);
    return { slot: Number(/slot (\d+)/.exec(said)![1]), officerPinFile, userPinFile };
  };
  const tool = (slot: number, pin: string, ...args: string[]) =>
    run('pkcs11-tool', '--module', SOFTHSM, '--slot', String(slot), '--login', '--pin', pin, ...args);
  const make = async (slots: unknown[]): Promise<Hsm> => {
    const hsm = await makeHsm({ tokens: undefined, slots, environment: { SOFTHSM2_CONF } });
    open.push(() => hsm.close());
    return hsm;
  };
  open.unshift(() => rm(dir, { recursive: true, force: true }));
  return { dir, token, tool, make };
}

describe.skipIf(lacking)(`members in slots${lacking ? ` (left out: ${lacking})` : ''}`, { timeout: 300_000 }, () => {
  test('of tokens that are initialized and of free ones live as others do: claimed, activated, filled, lost and back', async () => {
    const device = await makeDevice();
    const [one, two] = [device.token('vendor 1'), device.token('vendor 2')];
    // SoftHSM numbers its free slot by how many tokens there are.
    const hsm = await device.make([one, two, 2]);
    const { ask, cloudhsm } = hsm;
    const { clusterId, add, hsms } = await activeCluster(hsm, 2);
    const holder = holderOf(hsm, clusterId);
    await holder.connect();
    const reference = await holder.makeKey('a-key');
    const aad = randomBytes(81);
    const sealed = await holder.encrypt(reference, Buffer.from('text'), aad);
    const opens = async () => expect((await holder.decrypt(reference, sealed, aad)).toString()).toBe('text');
    await opens();
    // In both, under the owner's PIN and no longer under the vendor's.
    for (const { slot } of [one, two]) {
      expect(device.tool(slot, USER_PASSWORD, '--list-objects', '--type', 'secrkey')).toContain('kms:a-key');
      expect(() => device.tool(slot, PINS.user, '--list-objects')).toThrow('CKR_PIN_INCORRECT');
    }

    for (const kill of ['SIGKILL', 'SIGSTOP'] as const) {
      process.kill(holder.pidOf(hsms[0]!)!, kill);
      for (let i = 0; i < 4; i++) await opens();
      await until(() => holder.counts.serving === 2);
    }

    // A third, which Coffer initializes, joins: it serves once officer and user are set in it.
    await add(3);
    const officer = cloudhsm.officers.activate(operator(clusterId), 'another-password');
    await expect(officer).rejects.toThrow('wrong');
    expect(await cloudhsm.officers.activate(operator(clusterId), OFFICER_PASSWORD)).toBe(1);
    const kmsuser = { name: 'kmsuser', userPin: USER_PASSWORD, soPin: OFFICER_PASSWORD };
    expect(await cloudhsm.officers.createUser(operator(clusterId), kmsuser)).toBe(1);
    await until(() => holder.counts.serving === 3);
    await expect(ask('CreateHsm', { ClusterId: clusterId, AvailabilityZone: 'us-east-1a' })).rejects.toThrow('no slot');

    // One goes: no backup is made, and what it holds stays in its token.
    await ask('DeleteHsm', { ClusterId: clusterId, HsmId: hsms[0] });
    await until(async () => (await hsmIds(hsm, clusterId)).length === 2);
    await until(() => holder.counts.serving === 2);
    await opens();
    hsm.clock.advance(2 * DAY_MS);
    await cloudhsm.steward.keep();
    expect((await ask('DescribeBackups')).Backups).toEqual([]);
    expect(device.tool(one.slot, USER_PASSWORD, '--list-objects', '--type', 'secrkey')).toContain('kms:a-key');
    await holder.disconnect();
    // Its slot is free, its token isn't: nothing empties it but its owner.
    await ask('CreateHsm', { ClusterId: clusterId, AvailabilityZone: 'us-east-1a' });
    await until(async () => (await messageOf(hsm, clusterId)) !== undefined);
    expect(await messageOf(hsm, clusterId)).toContain('CKR_PIN_INCORRECT');
  });

  test('that hold something, or whose PINs are others, are taken into no cluster, and a PIN is tried once', async () => {
    const device = await makeDevice();
    const used = device.token('used');
    device.tool(used.slot, PINS.user, '--keygen', '--key-type', 'AES:32', '--label', 'mine', '--id', '01');
    const wrong = device.token('wrong');
    const hsm = await device.make([used, { ...wrong, officerPinFile: wrong.userPinFile }]);
    const create = async () => {
      const { Cluster } = await hsm.ask('CreateCluster', { HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a'] });
      const { ClusterId } = Cluster;
      await hsm.ask('CreateHsm', { ClusterId, AvailabilityZone: 'us-east-1a' });
      await until(async () => (await messageOf(hsm, ClusterId)) !== undefined);
      return messageOf(hsm, ClusterId);
    };
    // Two at once get two slots.
    expect((await Promise.all([create(), create()])).sort()).toEqual(['CKR_PIN_INCORRECT', 'TOKEN_NOT_EMPTY']);
    await hsm.cloudhsm.steward.settleAll();
    await hsm.cloudhsm.steward.settleAll();
    const refusals = hsm.said.filter(({ message }) => message === 'a member was not made');
    expect(refusals.length).toBe(4);
    expect(device.tool(used.slot, PINS.user, '--list-objects', '--type', 'secrkey')).toContain('mine');
  });
});

test('COFFER_HSM_FILE says in one line what is wrong with it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-hsm-file-'));
  const path = join(dir, 'hsm.json');
  const read = async (more: object) => {
    await writeFile(path, JSON.stringify({ library: process.execPath, ...more }));
    return readHsmFile(path);
  };
  const pins = { officerPinFile: '/o', userPinFile: '/u' };
  const { slots, environment } = await read({ slots: [3, { slot: 4, ...pins }], environment: { A_CONF: '/a' } });
  expect(slots).toEqual([{ slot: 3 }, { slot: 4, pinFiles: { officer: '/o', user: '/u' } }]);
  expect(environment).toEqual({ A_CONF: '/a' });
  for (const [more, why] of [
    [{}, 'either tokens (a folder) or slots'],
    [{ tokens: '/t', slots: [1] }, 'either tokens (a folder) or slots'],
    [{ slots: 1 }, 'not a list'],
    [{ slots: [-1] }, 'neither whole numbers'],
    [{ slots: [{ slot: 4 }] }, 'neither whole numbers'],
    [{ slots: [{ slot: 4, ...pins, pin: '1234' }] }, 'neither whole numbers'],
    [{ slots: [4, { slot: 4, ...pins }] }, 'names one twice'],
    [{ slots: [4], environment: { 'A=B': 'c' } }, 'environment'],
    [{ slots: [4], environment: { A: 1 } }, 'environment'],
    [{ slots: [4], pin: '1234' }, '"pin"'],
  ] as const) {
    await expect(read(more)).rejects.toThrow(why);
  }
  await rm(dir, { recursive: true });
});

async function messageOf({ ask }: Hsm, clusterId: string): Promise<string | undefined> {
  const { Clusters } = await ask('DescribeClusters', { Filters: { clusterIds: [clusterId] } });
  return Clusters[0].Hsms.map(({ StateMessage }: { StateMessage?: string }) => StateMessage).find(
    (one?: string) => one,
  );
}
