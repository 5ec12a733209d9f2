import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import type { CloudHsm } from '../../src/cloudhsm/cloudhsm.js';
import type { TokenKeys } from '../../src/cloudhsm/holder.js';
import { openCloudHsm } from '../../src/cloudhsm/open.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { ACCOUNT, root } from '../kms/harness.js';
import { MemoryAudit } from '../kms/memory-audit.js';
import { claim, hsmFile, OFFICER_PASSWORD, SOFTHSM, USER_PASSWORD } from '../support/cloudhsm.js';

export const DAY_MS = 86_400_000;

/** CloudHSM over a store in memory, with real tokens in a folder of its own. */
export async function makeHsm(more: Record<string, unknown> = {}, meta = new MemoryMetaStore()) {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-hsm-'));
  // Certificates are made later than it is set.
  const clock = new ManualClock(Date.now() + 3_600_000);
  const said: { level: string; message: string; hsmId?: unknown }[] = [];
  const audit = new MemoryAudit(meta);
  const cloudhsm = openCloudHsm({
    hsmFile: await hsmFile(dir, { memberTimeoutMs: 1000, ...more }),
    meta,
    audit,
    sealer: new RootSealer(new RootKey(new Secret(Buffer.alloc(32, 7)))),
    clock,
    region: 'us-east-1',
    dayMs: DAY_MS,
    watchEveryMs: 100,
    say: (level, facts, message) => said.push({ level, message, hsmId: facts.hsmId }),
  });
  const tokens = join(dir, 'tokens');
  return {
    ...{ cloudhsm, clock, said, tokens, meta, audit },
    ask: askOf(cloudhsm),
    async close() {
      await cloudhsm.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export type Hsm = Awaited<ReturnType<typeof makeHsm>>;

export const askOf =
  (cloudhsm: CloudHsm) =>
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  async (action: string, input: object = {}, who = root()): Promise<any> => {
    const { status, json } = await cloudhsm.dispatch(
      `BaldrApiService.${action}`,
      input as Record<string, unknown>,
      who,
    );
    if (status !== 200) throw new Error(`${json.__type}: ${json.message}`);
    return json;
  };

/** Of a command at the command line. */
export const operator = (clusterId: string, accountId = ACCOUNT) => ({ accountId, clusterId, requestId: 'command' });

/** Waits, however slow the machine is. */
export async function until(holds: () => unknown): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A claimed cluster of one account, with officer and `kmsuser`. @returns the ids of it and its members */
export async function activeCluster({ ask, cloudhsm }: Hsm, members: number, user = 'kmsuser') {
  const { Cluster } = await ask('CreateCluster', { HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a'] });
  const ClusterId: string = Cluster.ClusterId;
  const add = async (count: number) => {
    await ask('CreateHsm', { ClusterId, AvailabilityZone: 'us-east-1a' });
    await until(async () => (await hsmIds({ ask }, ClusterId)).length === count);
  };
  await add(1);
  const { Clusters } = await ask('DescribeClusters', { Filters: { clusterIds: [ClusterId] } });
  const { signedCert, trustAnchor } = await claim(Clusters[0].Certificates.ClusterCsr);
  await ask('InitializeCluster', { ClusterId, SignedCert: signedCert, TrustAnchor: trustAnchor });
  for (let i = 2; i <= members; i++) await add(i);
  await cloudhsm.officers.activate(operator(ClusterId), OFFICER_PASSWORD);
  const pins = { userPin: USER_PASSWORD, soPin: OFFICER_PASSWORD };
  await cloudhsm.officers.createUser(operator(ClusterId), { name: user, ...pins });
  return { clusterId: ClusterId, add, trustAnchor, hsms: await hsmIds({ ask }, ClusterId) };
}

/** Of active members, those that a key store has lost included. */
export async function hsmIds({ ask }: Pick<Hsm, 'ask'>, clusterId: string): Promise<string[]> {
  const { Clusters } = await ask('DescribeClusters', { Filters: { clusterIds: [clusterId] } });
  return Clusters[0].Hsms.filter(({ State }: { State: string }) => State === 'ACTIVE' || State === 'DEGRADED').map(
    ({ HsmId }: { HsmId: string }) => HsmId,
  );
}

export const holderOf = ({ cloudhsm }: Hsm, clusterId: string, password = USER_PASSWORD): TokenKeys =>
  cloudhsm.holder(ACCOUNT, clusterId, new Secret(Buffer.from(password))) as TokenKeys;

/** What the token's owner sees of it. */
export function pkcs11Tool({ tokens }: Hsm, hsmId: string, ...args: string[]): string {
  return execFileSync('pkcs11-tool', ['--module', SOFTHSM, '--login', '--pin', USER_PASSWORD, ...args], {
    env: { ...process.env, SOFTHSM2_CONF: join(tokens, hsmId, 'softhsm2.conf') },
    encoding: 'utf8',
    stdio: 'pipe',
  });
}
