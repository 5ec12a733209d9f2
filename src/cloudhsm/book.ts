import type { Committing } from '../kms/committing.js';
import type { RecordSealer } from '../seal/ports.js';
import { under } from '../store/keys.js';
import type { MetaStore } from '../store/ports.js';
import { CommitBuilder, marker, type Stored, Table } from '../store/table.js';
import { invalid } from './errors.js';
import {
  ALL_BACKUPS,
  ALL_CLUSTERS,
  BACKUP,
  type BackupRecord,
  backupRow,
  backupsOf,
  CERTIFICATES,
  CLUSTER,
  type ClusterRecord,
  certificatesRow,
  clusterRow,
  clustersOf,
  deletedKeyOf,
  deletedKeyRow,
  deletedKeysOf,
  policyRow,
  RESOURCE_POLICY,
  TAGS,
  tagsRow,
} from './records.js';

const ATTEMPTS = 10;

/** The rows of clusters and backups. Everything is decided on what they say now. */
export class HsmBook {
  readonly clusters: Table<ClusterRecord>;
  readonly certificates;
  readonly backups: Table<BackupRecord>;
  readonly tags;
  readonly policies;

  constructor(
    readonly meta: MetaStore,
    sealer: RecordSealer,
  ) {
    this.clusters = new Table(meta, sealer, CLUSTER);
    this.certificates = new Table(meta, sealer, CERTIFICATES);
    this.backups = new Table(meta, sealer, BACKUP);
    this.tags = new Table(meta, sealer, TAGS);
    this.policies = new Table(meta, sealer, RESOURCE_POLICY);
  }

  /** Where nobody asked for it. */
  readonly commit: Committing = (commit) => this.meta.commit(commit.build());

  async cluster(accountId: string, clusterId: string): Promise<ClusterRecord | undefined> {
    return (await this.clusters.get(clusterRow(accountId, clusterId)))?.record;
  }

  /** One account's, or all. */
  clustersOf(accountId?: string): AsyncGenerator<Stored<ClusterRecord>> {
    return this.clusters.scan(under(accountId === undefined ? ALL_CLUSTERS : clustersOf(accountId)));
  }

  backupsOf(accountId?: string): AsyncGenerator<Stored<BackupRecord>> {
    return this.backups.scan(under(accountId === undefined ? ALL_BACKUPS : backupsOf(accountId)));
  }

  async tagsOf(accountId: string, id: string) {
    return (await this.tags.get(tagsRow(accountId, id)))?.record ?? [];
  }

  /**
   * Changes a row on what it says when it is written; `change` may refuse by throwing, and says with `commit` what goes with it.
   * Undefined of it: nothing is to be changed. `committing`: with a record of the audit. @returns undefined: there is none
   */
  async changeCluster(
    accountId: string,
    clusterId: string,
    change: (found: ClusterRecord, commit: CommitBuilder) => ClusterRecord | undefined,
    committing?: Committing,
  ): Promise<ClusterRecord | undefined> {
    return this.#change(this.clusters, clusterRow(accountId, clusterId), change, committing);
  }

  async changeBackup(
    accountId: string,
    backupId: string,
    change: (found: BackupRecord, commit: CommitBuilder) => BackupRecord | undefined,
    committing?: Committing,
  ): Promise<BackupRecord | undefined> {
    return this.#change(this.backups, backupRow(accountId, backupId), change, committing);
  }

  /** The row, with everything that stands beside it. `false`: it may not go, as it stands when it is written. */
  async removeCluster(
    { accountId, clusterId }: ClusterRecord,
    mayGo: (found: ClusterRecord) => boolean,
    committing: Committing = this.commit,
  ): Promise<boolean> {
    const row = clusterRow(accountId, clusterId);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await this.clusters.get(row);
      if (!stored) break;
      if (!mayGo(stored.record)) return false;
      const commit = new CommitBuilder().expect(row, stored).del(row).frees();
      commit.del(certificatesRow(accountId, clusterId)).del(tagsRow(accountId, clusterId));
      if (await committing(commit)) break;
    }
    for (const reference of await this.deletedKeys(clusterId)) await this.forgetDeletedKey(clusterId, reference);
    return true;
  }

  async removeBackup(accountId: string, backupId: string, committing: Committing): Promise<void> {
    const commit = new CommitBuilder()
      .del(backupRow(accountId, backupId))
      .del(certificatesRow(accountId, backupId))
      .del(tagsRow(accountId, backupId))
      .del(policyRow(accountId, backupId))
      .frees();
    await committing(commit);
  }

  /** References. */
  async deletedKeys(clusterId: string): Promise<string[]> {
    const references: string[] = [];
    const range = under(deletedKeysOf(clusterId));
    for (let gte: Uint8Array = range.gte; ; ) {
      const rows = await this.meta.range({ gte, lt: range.lt, limit: PAGE_ROWS, keysOnly: true });
      references.push(...rows.map(({ key }) => deletedKeyOf(key)));
      if (rows.length < PAGE_ROWS) return references;
      gte = Buffer.concat([rows.at(-1)!.key, Buffer.of(0)]);
    }
  }

  async noteDeletedKey(clusterId: string, reference: string): Promise<void> {
    await this.meta.commit(
      new CommitBuilder()
        .put(marker(deletedKeyRow(clusterId, reference)))
        .frees()
        .build(),
    );
  }

  async forgetDeletedKey(clusterId: string, reference: string): Promise<void> {
    await this.meta.commit(new CommitBuilder().del(deletedKeyRow(clusterId, reference)).frees().build());
  }

  async #change<T>(
    table: Table<T>,
    key: Buffer,
    change: (found: T, commit: CommitBuilder) => T | undefined,
    committing: Committing = this.commit,
  ): Promise<T | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await table.get(key);
      if (!stored) return undefined;
      const commit = new CommitBuilder().expect(key, stored);
      const changed = change(stored.record, commit);
      if (changed === undefined) return stored.record;
      if (await committing(commit.put(table.put(key, changed)))) return changed;
    }
    throw invalid('Others changed it at the same time, again and again. Try again.');
  }
}

const PAGE_ROWS = 500;
