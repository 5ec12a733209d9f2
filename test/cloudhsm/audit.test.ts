import { afterEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/kms/audit/ports.js';
import type { CommitBuilder } from '../../src/store/table.js';
import { ACCOUNT, OTHER_ACCOUNT, root, user } from '../kms/harness.js';
import { claim, lacking, OFFICER_PASSWORD, USER_PASSWORD } from '../support/cloudhsm.js';
import { DAY_MS, type Hsm, hsmIds, makeHsm, operator, until } from './harness.js';

const open: Hsm[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

const arn = (id: string) => `arn:aws:cloudhsm:us-east-1:${ACCOUNT}:${id.split('-')[0]}/${id}`;

describe.skipIf(lacking)(
  `requests of CloudHSM${lacking ? ` (left out: ${lacking})` : ''}`,
  { timeout: 300_000 },
  () => {
    test('each becomes one record, allowed, denied or failed, and a change is never without its record', async () => {
      const hsm = await makeHsm();
      open.push(hsm);
      const { ask, audit, meta, cloudhsm, clock } = hsm;
      // What a change writes is there only together with its record.
      const committed: string[] = [];
      const { commit } = audit;
      audit.commit = (built: CommitBuilder, event: AuditEvent) => {
        committed.push(event.action);
        return commit.call(audit, built, event);
      };
      // A backup may be begun at any moment.
      const asked = () => audit.events.filter(({ action }) => action !== 'CreateBackup');
      const last = () => asked().at(-1)!;
      const isLast = async (work: Promise<unknown>, wanted: object) => {
        const before = asked().length;
        const answer = await work.catch((error: Error) => error);
        expect(asked().length).toBe(before + 1);
        expect(last()).toMatchObject({ eventSource: 'cloudhsm.amazonaws.com', ...wanted });
        // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
        return answer as any;
      };
      const ok = (action: string, resourceArn?: string) => ({ action, resourceArn, result: 'Success' });

      const made = ask('CreateCluster', { HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a'] });
      const { Cluster } = await isLast(made, { action: 'CreateCluster', result: 'Success' });
      const ClusterId: string = Cluster.ClusterId;
      expect(last()).toMatchObject({
        ...{ resourceArn: arn(ClusterId), details: { HsmType: 'hsm1.medium' } },
        ...{ caller: { accountId: ACCOUNT }, requestId: 'test' },
      });
      const its = (action: string) => ok(action, arn(ClusterId));
      await isLast(ask('DescribeClusters'), ok('DescribeClusters'));
      await isLast(ask('DescribeClusters', {}, user()), {
        ...{ action: 'DescribeClusters', result: 'CloudHsmAccessDeniedException' },
      });
      await isLast(ask('DeleteCluster', { ClusterId }, root(OTHER_ACCOUNT)), {
        ...{ action: 'DeleteCluster', result: 'CloudHsmResourceNotFoundException' },
      });
      await isLast(ask('DeleteCluster', { ClusterId: 7 }), {
        action: 'DeleteCluster',
        result: 'SerializationException',
      });
      const tags = { TagList: [{ Key: 'team', Value: 'a' }] };
      await isLast(ask('TagResource', { ResourceId: ClusterId, ...tags }), its('TagResource'));
      await isLast(ask('UntagResource', { ResourceId: ClusterId, TagKeyList: ['team'] }), its('UntagResource'));
      await isLast(ask('ListTags', { ResourceId: ClusterId }), its('ListTags'));
      const retention = { BackupRetentionPolicy: { Type: 'DAYS', Value: '8' } };
      await isLast(ask('ModifyCluster', { ClusterId, ...retention }), {
        ...its('ModifyCluster'),
        details: { BackupRetentionDays: 8 },
      });
      const { Hsm } = await isLast(ask('CreateHsm', { ClusterId, AvailabilityZone: 'us-east-1a' }), its('CreateHsm'));
      expect(last().details).toEqual({ HsmId: Hsm.HsmId, AvailabilityZone: 'us-east-1a' });
      await until(async () => (await hsmIds(hsm, ClusterId)).length === 1);
      const { Clusters } = await ask('DescribeClusters', { Filters: { clusterIds: [ClusterId] } });
      const { signedCert, trustAnchor } = await claim(Clusters[0].Certificates.ClusterCsr);
      const initialize = ask('InitializeCluster', { ClusterId, SignedCert: signedCert, TrustAnchor: trustAnchor });
      await isLast(initialize, its('InitializeCluster'));

      // Commands: nobody's at the command line, the caller's at a server.
      const { officers } = cloudhsm;
      await isLast(officers.activate(operator(ClusterId), OFFICER_PASSWORD), its('ActivateCluster'));
      expect(last().caller).toBeUndefined();
      const kmsuser = { name: 'kmsuser', userPin: USER_PASSWORD, soPin: OFFICER_PASSWORD };
      const call = { ...operator(ClusterId), caller: root().caller };
      const wrong = officers.createUser(call, { ...kmsuser, soPin: 'another-password' });
      await isLast(wrong, { ...its('CreateUser'), result: 'CloudHsmInvalidRequestException' });
      await isLast(officers.createUser(call, kmsuser), { ...its('CreateUser'), details: { UserName: 'kmsuser' } });
      expect(last().caller).toMatchObject({ accountId: ACCOUNT });
      await isLast(officers.changeUserPassword(call, kmsuser), its('ChangeUserPassword'));

      // The service's own: a backup before the last member goes, and its end.
      await isLast(ask('DeleteHsm', { ClusterId, HsmId: Hsm.HsmId }), {
        ...its('DeleteHsm'),
        details: { HsmId: Hsm.HsmId },
      });
      await until(async () => (await hsmIds(hsm, ClusterId)).length === 0);
      await cloudhsm.steward.settleAll();
      const backup = audit.events.find(({ action }) => action === 'CreateBackup')!;
      expect(backup).toMatchObject({ caller: undefined, details: { ClusterId } });
      const backupArn = backup.resourceArn!;
      const BackupId = backupArn.split('/')[1]!;
      const ofBackup = (action: string) => ok(action, backupArn);
      const keep = ask('ModifyBackupAttributes', { BackupId, NeverExpires: true });
      await isLast(keep, { ...ofBackup('ModifyBackupAttributes'), details: { NeverExpires: true } });
      const allow = {
        Effect: 'Allow',
        Principal: { AWS: OTHER_ACCOUNT },
        Action: 'cloudhsm:DescribeBackups',
        Resource: '*',
      };
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [allow] });
      await isLast(ask('PutResourcePolicy', { ResourceArn: backupArn, Policy }), ofBackup('PutResourcePolicy'));
      await isLast(ask('GetResourcePolicy', { ResourceArn: backupArn }), ofBackup('GetResourcePolicy'));
      await isLast(ask('DeleteResourcePolicy', { ResourceArn: backupArn }), ofBackup('DeleteResourcePolicy'));
      await isLast(ask('DeleteBackup', { BackupId }), ofBackup('DeleteBackup'));
      await isLast(ask('RestoreBackup', { BackupId }), ofBackup('RestoreBackup'));
      await isLast(ask('DeleteBackup', { BackupId }), ofBackup('DeleteBackup'));
      await isLast(ask('DeleteCluster', { ClusterId }), its('DeleteCluster'));
      clock.advance(8 * DAY_MS);
      await cloudhsm.steward.keep();
      expect(last()).toMatchObject({ ...ofBackup('DestroyBackup'), caller: undefined, details: { ClusterId } });
      expect(committed).toEqual([
        ...['CreateCluster', 'TagResource', 'UntagResource', 'ModifyCluster', 'CreateHsm', 'InitializeCluster'],
        ...[
          'ActivateCluster',
          'CreateUser',
          'DeleteHsm',
          'CreateBackup',
          'ModifyBackupAttributes',
          'PutResourcePolicy',
        ],
        ...['DeleteResourcePolicy', 'DeleteBackup', 'RestoreBackup', 'DeleteBackup', 'DeleteCluster', 'DestroyBackup'],
      ]);
      const all = JSON.stringify(audit.events);
      for (const secret of [OFFICER_PASSWORD, USER_PASSWORD]) expect(all).not.toContain(secret);

      // What can't be recorded isn't done.
      audit.commit = () => Promise.reject(new Error('the log is full'));
      const rows = async () => (await meta.range({ gte: Buffer.of(0), lt: Buffer.of(0xff), limit: 1000 })).length;
      const before = await rows();
      await expect(ask('CreateCluster', { HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a'] })).rejects.toThrow(
        'full',
      );
      expect(await rows()).toBe(before);
    });
  },
);
