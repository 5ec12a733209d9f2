import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { HsmBook } from '../../src/cloudhsm/book.js';
import { openCloudHsm } from '../../src/cloudhsm/open.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { ACCOUNT, OTHER_ACCOUNT, root } from '../kms/harness.js';
import { claim, lacking, OFFICER_PASSWORD, USER_PASSWORD } from '../support/cloudhsm.js';
import { activeCluster, askOf, DAY_MS, type Hsm, hsmIds, makeHsm, operator, pkcs11Tool, until } from './harness.js';

describe.skipIf(lacking)(`members and backups${lacking ? ` (left out: ${lacking})` : ''}`, { timeout: 300_000 }, () => {
  let hsm: Hsm;
  afterEach(() => hsm.close());
  const sealer = () => new RootSealer(new RootKey(new Secret(Buffer.alloc(32, 7))));

  test('that were being made when a process ended are made by the next', async () => {
    hsm = await makeHsm();
    const { Cluster } = await hsm.ask('CreateCluster', { HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a'] });
    const { ClusterId } = Cluster;
    const making = hsm.ask('CreateHsm', { ClusterId, AvailabilityZone: 'us-east-1a' });
    await making;
    // As a process leaves it that ended while it made the token: the row says so, and something lies in the folder.
    await hsm.cloudhsm.close();
    const book = new HsmBook(hsm.meta, sealer());
    await book.changeCluster(ACCOUNT, ClusterId, (found) => ({
      ...found,
      hsms: found.hsms.map((one) => ({ ...one, state: 'CREATE_IN_PROGRESS' as const })),
    }));
    const next = openCloudHsm({
      ...{ hsmFile: join(hsm.tokens, '..', 'hsm.json'), meta: hsm.meta, sealer: sealer() },
      ...{ clock: hsm.clock, region: 'us-east-1', dayMs: DAY_MS, say: () => {} },
    });
    await next.steward.keep();
    const ask = askOf(next);
    expect(await hsmIds({ ask }, ClusterId)).toHaveLength(1);
    const { Clusters } = await ask('DescribeClusters');
    const { signedCert, trustAnchor } = await claim(Clusters[0].Certificates.ClusterCsr);
    await ask('InitializeCluster', { ClusterId, SignedCert: signedCert, TrustAnchor: trustAnchor });

    // An activation that ended between token and row is repeated, with the same password alone.
    const before = await book.cluster(ACCOUNT, ClusterId);
    await next.officers.activate(operator(ClusterId), OFFICER_PASSWORD);
    await book.changeCluster(ACCOUNT, ClusterId, () => before);
    await expect(next.officers.activate(operator(ClusterId), 'another-password')).rejects.toThrow('wrong');
    expect(await next.officers.activate(operator(ClusterId), OFFICER_PASSWORD)).toBe(1);
    await expect(next.officers.activate(operator(ClusterId), OFFICER_PASSWORD)).rejects.toThrow('already');
    await expect(next.officers.activate(operator(ClusterId, OTHER_ACCOUNT), OFFICER_PASSWORD)).rejects.toThrow(
      'not exist',
    );
    const pins = { userPin: USER_PASSWORD, soPin: OFFICER_PASSWORD };
    await next.officers.createUser(operator(ClusterId), { name: 'alice', ...pins });
    await expect(next.officers.createUser(operator(ClusterId), { name: 'bob', ...pins })).rejects.toThrow('has one');
    await next.close();
  });

  test('a backup is made every day, kept as long as is said, and shared by its policy alone', async () => {
    hsm = await makeHsm();
    const { ask, cloudhsm, clock } = hsm;
    const { clusterId, hsms } = await activeCluster(hsm, 1);
    pkcs11Tool(hsm, hsms[0]!, '--keygen', '--key-type', 'AES:32', '--label', 'mine', '--id', '01');
    const backups = async () =>
      (await ask('DescribeBackups', { SortAscending: true })).Backups as { BackupId: string; BackupArn: string }[];
    expect(await backups()).toEqual([]);
    clock.advance(DAY_MS);
    await cloudhsm.steward.keep();
    await cloudhsm.steward.keep();
    expect(await backups()).toHaveLength(1);
    clock.advance(DAY_MS);
    await cloudhsm.steward.keep();
    const [first, second] = await backups();
    expect(await readdir(join(hsm.tokens, 'backups'))).toHaveLength(2);
    await ask('ModifyBackupAttributes', { BackupId: first!.BackupId, NeverExpires: true });

    // Another account: by the policy of the backup, and only then.
    const other = root(OTHER_ACCOUNT);
    const make = () =>
      ask(
        'CreateCluster',
        { HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a'], SourceBackupId: first!.BackupArn },
        other,
      );
    await expect(make()).rejects.toThrow('CloudHsmAccessDeniedException');
    expect((await ask('DescribeBackups', { Shared: true }, other)).Backups).toEqual([]);
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: OTHER_ACCOUNT },
          Action: ['cloudhsm:CreateCluster', 'cloudhsm:DescribeBackups'],
          Resource: '*',
        },
      ],
    });
    const ResourceArn = first!.BackupArn;
    await expect(ask('PutResourcePolicy', { ResourceArn, Policy: '{"Statement": 1}' })).rejects.toThrow('not valid');
    await expect(ask('PutResourcePolicy', { ResourceArn, Policy }, other)).rejects.toThrow('not of this account');
    await ask('PutResourcePolicy', { ResourceArn, Policy });
    const shared = await ask('DescribeBackups', { Shared: true }, other);
    expect(shared.Backups.map(({ BackupId }: { BackupId: string }) => BackupId)).toEqual([first!.BackupId]);
    const { Cluster } = await make();
    await ask('CreateHsm', { ClusterId: Cluster.ClusterId, AvailabilityZone: 'us-east-1a' }, other);
    const copies = async () => (await ask('DescribeClusters', {}, other)).Clusters[0];
    await until(async () => (await copies()).Hsms[0].State === 'ACTIVE');
    expect((await copies()).State).toBe('ACTIVE');
    expect(pkcs11Tool(hsm, (await copies()).Hsms[0].HsmId, '--list-objects')).toContain('mine');
    await expect(ask('DeleteBackup', { BackupId: first!.BackupId }, other)).rejects.toThrow('NotFound');

    // Time: seven days behind a deletion, and the retention of those that nobody keeps.
    await ask('DeleteBackup', { BackupId: second!.BackupId });
    clock.advance(7 * DAY_MS - 1);
    await cloudhsm.steward.keep();
    expect((await backups()).map(({ BackupId }) => BackupId)).toContain(second!.BackupId);
    clock.advance(1);
    await cloudhsm.steward.keep();
    expect((await backups()).map(({ BackupId }) => BackupId)).not.toContain(second!.BackupId);
    clock.advance(91 * DAY_MS);
    await cloudhsm.steward.keep();
    const left = (await backups()).map(({ BackupId }) => BackupId);
    expect(left).toContain(first!.BackupId);
    expect(left.length).toBeLessThanOrEqual(2);
    await ask('DeleteResourcePolicy', { ResourceArn });
    expect((await ask('DescribeBackups', { Shared: true }, other)).Backups).toEqual([]);
    await expect(ask('DeleteResourcePolicy', { ResourceArn })).rejects.toThrow('NotFound');
    expect(clusterId).toMatch(/^cluster-[a-z2-7]{11}$/);
  });
});
