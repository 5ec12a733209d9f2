import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudHSMV2Client,
  type Cluster,
  CreateClusterCommand,
  CreateHsmCommand,
  DescribeClustersCommand,
  InitializeClusterCommand,
} from '@aws-sdk/client-cloudhsm-v2';
import { credentials, serverEnvironment, type TestServer } from './server.js';

export const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so';
export const OFFICER_PASSWORD = 'officer-password-1';
export const USER_PASSWORD = 'kmsuser-password-1';

function hasPkcs11js(): boolean {
  try {
    createRequire(import.meta.url).resolve('pkcs11js');
    return true;
  } catch {
    return false;
  }
}

/** What these tests lack here; undefined where they can run. It stands in the names of tests that are left out. */
export const lacking: string | undefined = !existsSync(SOFTHSM)
  ? 'softhsm2 is not installed'
  : hasPkcs11js()
    ? undefined
    : 'pkcs11js is not installed';

/** A file for `COFFER_HSM_FILE` with tokens in a folder of its own. */
export async function hsmFile(dir: string, more: Record<string, unknown> = {}): Promise<string> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, 'hsm.json');
  await writeFile(file, JSON.stringify({ library: SOFTHSM, tokens: join(dir, 'tokens'), ...more }));
  return file;
}

export const hsmClient = (server: Pick<TestServer, 'url'>, keys = credentials): CloudHSMV2Client =>
  new CloudHSMV2Client({ endpoint: server.url, region: 'us-east-1', credentials: keys, maxAttempts: 1 });

/** As AWS's guide has it: a key, a self-signed certificate, and the request signed with both. */
export async function claim(csr: string): Promise<{ trustAnchor: string; signedCert: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-claim-'));
  await writeFile(join(dir, 'cluster.csr'), csr);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  openssl('genrsa', '-out', 'customerCA.key', '2048');
  openssl(
    'req',
    '-new',
    '-x509',
    '-days',
    '3652',
    '-key',
    'customerCA.key',
    '-subj',
    '/CN=CA',
    '-out',
    'customerCA.crt',
  );
  openssl(
    ...['x509', '-req', '-days', '3652', '-in', 'cluster.csr', '-CA', 'customerCA.crt', '-CAkey', 'customerCA.key'],
    ...['-CAcreateserial', '-out', 'cluster.crt'],
  );
  return {
    trustAnchor: await readFile(join(dir, 'customerCA.crt'), 'utf8'),
    signedCert: await readFile(join(dir, 'cluster.crt'), 'utf8'),
  };
}

/** The cluster, once `is` holds. */
export async function waitFor(
  client: CloudHSMV2Client,
  clusterId: string,
  is: (cluster: Cluster) => boolean,
): Promise<Cluster> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const { Clusters } = await client.send(new DescribeClustersCommand({ Filters: { clusterIds: [clusterId] } }));
    const [cluster] = Clusters!;
    if (cluster && is(cluster)) return cluster;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the cluster ${clusterId} did not become what was waited for`);
}

export const hasActive =
  (count: number) =>
  ({ Hsms }: Cluster): boolean =>
    Hsms?.filter(({ State }) => State === 'ACTIVE').length === count && Hsms.length === count;

/** `coffer …` beside a running server. Secrets are put into files. */
export async function coffer(server: TestServer, words: string[], secrets: Record<string, string> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-secrets-'));
  const files = await Promise.all(
    Object.entries(secrets).map(async ([name, secret]) => {
      const file = join(dir, name);
      await writeFile(file, `${secret}\n`);
      return [`--${name}-file`, file];
    }),
  );
  return execFileSync(process.execPath, ['dist/cli.js', ...words, '--url', server.url, ...files.flat()], {
    env: serverEnvironment(server.dir),
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

/** A claimed cluster with so many members; with `kmsuser` and ACTIVE unless told otherwise. */
export async function makeCluster(server: TestServer, members: number, { activate = true } = {}) {
  const client = hsmClient(server);
  const made = await client.send(
    new CreateClusterCommand({ HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a', 'subnet-0123456b'] }),
  );
  const clusterId = made.Cluster!.ClusterId!;
  const addHsm = (zone: string) =>
    client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: `us-east-1${zone}` }));
  await addHsm('a');
  const { Certificates } = await waitFor(client, clusterId, hasActive(1));
  const { trustAnchor, signedCert } = await claim(Certificates!.ClusterCsr!);
  await client.send(
    new InitializeClusterCommand({ ClusterId: clusterId, SignedCert: signedCert, TrustAnchor: trustAnchor }),
  );
  for (let i = 1; i < members; i++) await addHsm(i % 2 === 0 ? 'a' : 'b');
  await waitFor(client, clusterId, hasActive(members));
  if (activate) {
    const officer = { 'officer-password': OFFICER_PASSWORD };
    await coffer(server, ['hsm', 'activate', clusterId], officer);
    await coffer(server, ['hsm', 'user', 'create', clusterId, 'kmsuser'], {
      ...officer,
      'user-password': USER_PASSWORD,
    });
  }
  return { client, clusterId, trustAnchor };
}
