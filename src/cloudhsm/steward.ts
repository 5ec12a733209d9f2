import { randomBytes } from 'node:crypto';
import { CommitBuilder } from '../store/table.js';
import { clusterCsr, hardwareCertificates } from './certificates.js';
import { ownWork } from './event.js';
import { hsmArn, newId } from './ids.js';
import { isPinTrouble, onceIn } from './member/process.js';
import type { HsmParts } from './ports.js';
import {
  type BackupRecord,
  backupRow,
  type ClusterRecord,
  certificatesRow,
  type HsmRecord,
  type InitialPins,
} from './records.js';

/** Making a token and its key pair takes a second; a slow machine's or a device's takes longer. */
const MAKE_TIMEOUT_MS = 60_000;
/** How long a deleted backup can be restored: https://docs.aws.amazon.com/cloudhsm/latest/userguide/delete-restore-backup.html */
export const BACKUP_GRACE_DAYS = 7;

/**
 * Makes true what rows say of members and backups: tokens that are to be made or to go. What is begun is written first, so that it is
 * taken up again wherever a process ended.
 */
export class Steward {
  readonly #running = new Set<Promise<void>>();
  /** Members whose PINs aren't those that the operator names: tried again and again, they would be locked out. */
  readonly #refused = new Set<string>();
  #closed = false;

  constructor(private readonly parts: HsmParts) {}

  /** In the background. */
  kick(accountId: string, clusterId: string): void {
    const run = this.settle(accountId, clusterId)
      .catch((error) => this.parts.say('error', { err: error, clusterId }, 'a CloudHSM cluster could not be settled'))
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async settleAll(): Promise<void> {
    for await (const { record } of this.parts.book.clustersOf()) await this.settle(record.accountId, record.clusterId);
  }

  /** Daily backups, and backups whose time is over. */
  async keep(): Promise<void> {
    const { book, clock, dayMs, places, region } = this.parts;
    await this.settleAll();
    const nowMs = clock.now();
    for await (const { record } of book.clustersOf()) {
      const due = nowMs - (record.lastBackupMs ?? record.createdMs) >= dayMs;
      if (due && places.inFolders) await this.#inTurn(record, () => this.#backUp(record.accountId, record.clusterId));
    }
    for await (const { record } of book.backupsOf()) {
      if (record.state !== 'CREATE_IN_PROGRESS' && !isOver(record, nowMs, dayMs)) continue;
      // In turn: one that is being made isn't one that a crash left.
      await this.parts.turns.take(record.clusterId, async () => {
        const now = (await book.backups.get(backupRow(record.accountId, record.backupId)))?.record;
        if (!now || (now.state !== 'CREATE_IN_PROGRESS' && !isOver(now, nowMs, dayMs))) return;
        await places.removeBackup(record.backupId);
        const { accountId, backupId, clusterId } = record;
        const about = { resourceArn: hsmArn(region, accountId, backupId), details: { ClusterId: clusterId } };
        await book.removeBackup(accountId, backupId, ownWork(this.parts, 'DestroyBackup', about));
      });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#running);
    await this.parts.turns.idle();
  }

  async settle(accountId: string, clusterId: string): Promise<void> {
    const cluster = await this.parts.book.cluster(accountId, clusterId);
    if (!cluster || this.#closed) return;
    for (const { hsmId, state } of cluster.hsms) {
      if (state === 'ACTIVE') continue;
      await this.#inTurn(cluster, async () => {
        const now = await this.parts.book.cluster(accountId, clusterId);
        const hsm = now?.hsms.find((one) => one.hsmId === hsmId);
        if (!now || !hsm || this.#closed) return;
        if (hsm.state === 'CREATE_IN_PROGRESS') await this.#make(now, hsm);
        if (hsm.state === 'DELETE_IN_PROGRESS') await this.#remove(now, hsm);
      });
    }
  }

  async #make(cluster: ClusterRecord, hsm: HsmRecord): Promise<void> {
    if (this.#refused.has(hsm.hsmId)) return;
    try {
      await this.#makeToken(cluster, hsm);
    } catch (error) {
      this.parts.say('error', { err: error, clusterId: cluster.clusterId, hsmId: hsm.hsmId }, 'a member was not made');
      if (isPinTrouble(error)) this.#refused.add(hsm.hsmId);
      await this.#changeHsm(cluster, hsm.hsmId, (found) => ({ ...found, stateMessage: messageOf(error) }));
    }
  }

  async #makeToken(cluster: ClusterRecord, hsm: HsmRecord): Promise<void> {
    const { places } = this.parts;
    const like = cluster.hsms.find((one) => one.state === 'ACTIVE');
    if (places.inFolders && like) {
      await places.copyMember(like.hsmId, hsm.hsmId);
      await this.#changeHsm(cluster, hsm.hsmId, (found) => active(found, like));
      return;
    }
    const backup = places.inFolders ? await this.#sourceOf(cluster) : undefined;
    if (backup) return this.#fromBackup(cluster, hsm, backup);
    if (cluster.sourceBackupId !== undefined) throw new Error('The backup of this cluster is gone.');
    if (cluster.state !== 'UNINITIALIZED' && places.inFolders) throw new Error('No member and no backup is left.');
    await this.#fresh(cluster, hsm);
  }

  /** The newest of its own, or what it was made of. */
  async #sourceOf(cluster: ClusterRecord): Promise<BackupRecord | undefined> {
    const { book } = this.parts;
    let newest: BackupRecord | undefined;
    if (cluster.state !== 'UNINITIALIZED') {
      for await (const { record } of book.backupsOf(cluster.accountId)) {
        const its = record.clusterId === cluster.clusterId && record.state === 'READY';
        if (its && record.createdMs >= (newest?.createdMs ?? 0)) newest = record;
      }
    }
    if (newest || cluster.sourceBackupId === undefined) return newest;
    return (await book.backups.get(backupRow(cluster.sourceAccountId ?? cluster.accountId, cluster.sourceBackupId)))
      ?.record;
  }

  async #fromBackup(cluster: ClusterRecord, hsm: HsmRecord, backup: BackupRecord): Promise<void> {
    const { book, places } = this.parts;
    const { accountId, clusterId } = cluster;
    await places.restore(backup.backupId, hsm.hsmId);
    const certificates = await book.certificates.get(certificatesRow(backup.accountId, backup.backupId));
    const { userName } = backup;
    await book.changeCluster(accountId, clusterId, (found, commit) => {
      if (certificates && found.state === 'UNINITIALIZED') {
        commit.put(book.certificates.put(certificatesRow(accountId, clusterId), certificates.record));
      }
      return {
        ...found,
        state: found.state === 'UNINITIALIZED' ? backup.clusterState : found.state,
        ...(userName !== undefined && { userName }),
        hsms: found.hsms.map((one) => (one.hsmId === hsm.hsmId ? active(one, backup) : one)),
      };
    });
  }

  async #fresh(cluster: ClusterRecord, hsm: HsmRecord): Promise<void> {
    const { book, places, clock } = this.parts;
    const { accountId, clusterId } = cluster;
    const { hsmId } = hsm;
    // What was begun in a slot goes on with its PINs: the token has them.
    const begun = places.inFolders ? undefined : hsm.initial;
    const initial = hsm.initialized ? await places.pinsOf(hsm) : (begun ?? { soPin: newPin(), userPin: newPin() });
    await places.prepare(hsmId);
    await this.#changeHsm(cluster, hsmId, (found) => ({ ...found, initial }));
    const first = cluster.hsms.every((one) => one.state !== 'ACTIVE') && cluster.state === 'UNINITIALIZED';
    await onceIn(places.of(hsm), MAKE_TIMEOUT_MS, async (member) => {
      const publicKey = Buffer.from(await member.ask('make', initial as Required<InitialPins>));
      const userPin = initial.userPin!;
      const csr = first
        ? await clusterCsr({ clusterId, hsmId }, publicKey, (data) => member.ask('sign', { userPin, data }))
        : undefined;
      await book.changeCluster(accountId, clusterId, (found, commit) => {
        if (csr !== undefined) {
          const made = { clusterCsr: csr, ...hardwareCertificates(hsmId, publicKey, clock.now()) };
          commit.put(book.certificates.put(certificatesRow(accountId, clusterId), made));
        }
        const like = { label: hsm.label, publicKey: publicKey.toString('base64'), initial };
        return { ...found, hsms: found.hsms.map((one) => (one.hsmId === hsmId ? active(one, like) : one)) };
      });
    });
  }

  /** AWS backs a cluster up before a member goes, and so does this: the last one takes nothing with it. */
  async #remove(cluster: ClusterRecord, hsm: HsmRecord): Promise<void> {
    const { book, places } = this.parts;
    const { accountId, clusterId } = cluster;
    if (places.inFolders && hsm.publicKey !== undefined) await this.#backUp(accountId, clusterId, hsm.hsmId);
    await places.remove(hsm.hsmId);
    await book.changeCluster(accountId, clusterId, (found) => ({
      ...found,
      hsms: found.hsms.filter(({ hsmId }) => hsmId !== hsm.hsmId),
    }));
  }

  /** From a member that is named, or from the first. Nothing where there is nothing to back up. */
  async #backUp(accountId: string, clusterId: string, hsmId?: string): Promise<void> {
    const { book, places, clock, region } = this.parts;
    const cluster = await book.cluster(accountId, clusterId);
    const hsm = cluster?.hsms.find((one) => (hsmId === undefined ? one.state === 'ACTIVE' : one.hsmId === hsmId));
    if (!cluster || !hsm?.publicKey || (cluster.state !== 'ACTIVE' && cluster.state !== 'INITIALIZED')) return;
    const backupId = newId('backup');
    const record: BackupRecord = {
      backupId,
      accountId,
      clusterId,
      createdMs: clock.now(),
      state: 'CREATE_IN_PROGRESS',
      neverExpires: false,
      hsmType: cluster.hsmType,
      mode: cluster.mode,
      retentionDays: cluster.backupRetentionDays,
      clusterState: cluster.state,
      label: hsm.label,
      publicKey: hsm.publicKey,
      ...(cluster.userName !== undefined && { userName: cluster.userName }),
      ...(hsm.initial && { initial: hsm.initial }),
    };
    const certificates = await book.certificates.get(certificatesRow(accountId, clusterId));
    const row = backupRow(accountId, backupId);
    const commit = new CommitBuilder().expect(row, undefined).put(book.backups.put(row, record));
    if (certificates) commit.put(book.certificates.put(certificatesRow(accountId, backupId), certificates.record));
    const about = { resourceArn: hsmArn(region, accountId, backupId), details: { ClusterId: clusterId } };
    await ownWork(this.parts, 'CreateBackup', about)(commit);
    await places.backUp(hsm.hsmId, backupId);
    await book.changeBackup(accountId, backupId, (found) => ({ ...found, state: 'READY' }));
    await book.changeCluster(accountId, clusterId, (found) => ({ ...found, lastBackupMs: record.createdMs }));
  }

  #changeHsm(
    { accountId, clusterId }: ClusterRecord,
    hsmId: string,
    change: (found: HsmRecord) => HsmRecord,
  ): Promise<ClusterRecord | undefined> {
    return this.parts.book.changeCluster(accountId, clusterId, (found) => ({
      ...found,
      hsms: found.hsms.map((one) => (one.hsmId === hsmId ? change(one) : one)),
    }));
  }

  #inTurn<T>({ clusterId }: ClusterRecord, work: () => Promise<T>): Promise<T> {
    return this.parts.turns.take(clusterId, work);
  }
}

function active(found: HsmRecord, like: Pick<HsmRecord, 'label' | 'publicKey' | 'initial'>): HsmRecord {
  const { stateMessage: _, initial: __, ...rest } = found;
  const { label, publicKey, initial } = like;
  return {
    ...rest,
    state: 'ACTIVE',
    label,
    ...(publicKey !== undefined && { publicKey }),
    ...(initial && { initial }),
  };
}

/** Whether a backup's time is over. */
const isOver = (backup: BackupRecord, nowMs: number, dayMs: number): boolean =>
  backup.state === 'PENDING_DELETION'
    ? backup.deleteMs !== undefined && backup.deleteMs <= nowMs
    : !backup.neverExpires && backup.createdMs + backup.retentionDays * dayMs <= nowMs;

const newPin = (): string => randomBytes(24).toString('base64url');

const messageOf = (error: unknown): string => String((error as Error).message).slice(0, 300);
