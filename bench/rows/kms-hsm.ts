import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hsmFile, lacking, makeCluster, USER_PASSWORD } from '../../test/support/cloudhsm.js';
import { credentials, startServer, type TestServer } from '../../test/support/server.js';
import type { Context } from '../context.js';
import { CREDENTIALS } from '../presign.js';
import { askKms, type KmsRequest } from '../sign-kms.js';
import { median } from '../table.js';

const CLIENTS = 32;
const TICKS_PER_SECOND = 100;

/**
 * GenerateDataKey under keys in the tokens of one member and of two, next to a key of Coffer's own in the same server; the CPU time that a
 * thousand of them take in the server and its members; and how many of them fail while members are killed and stopped.
 */
export async function kmsHsm(context: Context): Promise<void> {
  if (lacking) {
    process.stderr.write(`kms-hsm is left out: ${lacking}\n`);
    return;
  }
  for (const members of [1, 2]) {
    const server = await startHsmServer(members);
    try {
      await rates(context, server, members);
    } finally {
      await server.close();
    }
  }
}

async function rates(context: Context, server: TestServer, members: number): Promise<void> {
  const { client, options } = context;
  const count = options.quick ? 1000 : 10_000;
  const { port } = server;
  const [held, own] = [await heldKey(server, members), await newKey(port, {})];
  const run = async (request: KmsRequest) => {
    const before = cpuSeconds(server.pid);
    const { requests, seconds } = await client.do({ port, clients: CLIENTS, targets: [], kms: { request, count } });
    return { rate: requests / seconds, cpuMs: ((cpuSeconds(server.pid) - before) * 1e6) / requests };
  };
  const pairs: { top: Awaited<ReturnType<typeof run>>; held: Awaited<ReturnType<typeof run>> }[] = [];
  for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
    const pair = { top: await run(generate(own)), held: await run(generate(held)) };
    if (round >= 0) pairs.push(pair);
  }
  const row = `KMS GenerateDataKey, ${members} HSM${members > 1 ? 's' : ''}, ${CLIENTS} clients`;
  for (const [unit, of] of [
    ['requests/s', 'rate'],
    ['CPU ms/1000', 'cpuMs'],
  ] as const) {
    context.add({
      ...{ row, unit, measured: median(pairs.map((one) => one.held[of])) },
      against: { name: 'software provider', value: median(pairs.map(({ top }) => top[of])) },
      ratio: median(pairs.map((one) => one.held[of] / one.top[of])),
    });
  }
  if (members > 1) await losses(context, server, generate(held));
}

/** A request that fails ends the client with an error: what is told is how many were answered, and how often a member went. */
async function losses(context: Context, { port, pid, s3: _ }: TestServer, request: KmsRequest): Promise<void> {
  const count = context.options.quick ? 5000 : 40_000;
  let done = false;
  let lost = 0;
  const running = context.client.do({ port, clients: CLIENTS, targets: [], kms: { request, count } }).finally(() => {
    done = true;
  });
  const losing = (async () => {
    for (const signal of ['SIGKILL', 'SIGSTOP', 'SIGKILL', 'SIGSTOP'] as const) {
      await sleep(500);
      const [member] = childrenOf(pid);
      if (done || !member) break;
      process.kill(member, signal);
      lost++;
      // It is noticed, ended, and comes back: another one may go then.
      while (!done && (childrenOf(pid).includes(member) || (await serving(port)) < 2)) await sleep(50);
    }
  })();
  const { requests, seconds } = await running;
  await losing;
  context.add({
    row: `KMS GenerateDataKey, answered while HSMs went ${lost} times, none failed`,
    ...{ unit: 'requests', measured: requests, against: undefined },
  });
  context.add({
    ...{ row: 'KMS GenerateDataKey, meanwhile', unit: 'requests/s', measured: requests / seconds, against: undefined },
  });
}

/** Members, as the metrics have them. */
async function serving(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/-/metrics`)).text();
  return Number(/coffer_hsm_members\{state="serving"\} (\d+)/.exec(text)?.[1] ?? 0);
}

const generate = (KeyId: string): KmsRequest => ({ action: 'GenerateDataKey', input: { KeyId, KeySpec: 'AES_256' } });

async function newKey(port: number, input: object): Promise<string> {
  const { KeyMetadata } = await askKms(port, { action: 'CreateKey', input });
  return (KeyMetadata as { KeyId: string }).KeyId;
}

/** For the signers of both the tests and the benchmark. */
async function startHsmServer(members: number): Promise<TestServer> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-bench-hsm-'));
  const accounts = join(dir, 'accounts.json');
  const accessKeys = [credentials, CREDENTIALS].map(({ accessKeyId, secretAccessKey }) => ({
    accessKeyId,
    secretAccessKey,
  }));
  await writeFile(accounts, JSON.stringify({ accounts: [{ accountId: '000000000000', name: 'main', accessKeys }] }));
  const file = await hsmFile(dir, { allowSingleMember: members === 1 });
  return startServer({
    env: {
      ...{ COFFER_HSM_FILE: file, COFFER_ACCOUNTS_FILE: accounts, COFFER_LOG_LEVEL: 'warn' },
      ...{ COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '' },
    },
  });
}

async function heldKey(server: TestServer, members: number): Promise<string> {
  const { clusterId, trustAnchor } = await makeCluster(server, members);
  const ask = (action: string, input: object) => askKms(server.port, { action, input });
  const { CustomKeyStoreId } = (await ask('CreateCustomKeyStore', {
    ...{ CustomKeyStoreName: 'hsm', CloudHsmClusterId: clusterId },
    ...{ TrustAnchorCertificate: trustAnchor, KeyStorePassword: USER_PASSWORD },
  })) as { CustomKeyStoreId: string };
  await ask('ConnectCustomKeyStore', { CustomKeyStoreId });
  for (;;) {
    const { CustomKeyStores } = (await ask('DescribeCustomKeyStores', { CustomKeyStoreId })) as {
      CustomKeyStores: { ConnectionState: string }[];
    };
    if (CustomKeyStores[0]!.ConnectionState === 'CONNECTED') break;
    await sleep(100);
  }
  return newKey(server.port, { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId });
}

const childrenOf = (pid: number): number[] =>
  execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
    .map(Number);

/** Of a process and its members, in user and system. */
function cpuSeconds(pid: number): number {
  const ticks = [pid, ...childrenOf(pid)].map((one) => {
    const [, , , , , , , , , , , user, system] = readFileSync(`/proc/${one}/stat`, 'latin1').split(') ')[1]!.split(' ');
    return Number(user) + Number(system);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
}
