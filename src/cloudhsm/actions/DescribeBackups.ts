import { hsmAction } from '../action.js';
import { pageOf, readFilters, readPage } from '../paging.js';
import type { BackupRecord } from '../records.js';
import { backupView } from '../views.js';

const FILTERS = ['backupIds', 'sourceBackupIds', 'clusterIds', 'states', 'neverExpires'] as const;

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DescribeBackups.html */
export const describeBackups = hsmAction({
  name: 'DescribeBackups',
  input: (fields) => ({
    filters: readFilters(fields, FILTERS),
    shared: fields.boolean('Shared') ?? false,
    ascending: fields.boolean('SortAscending') ?? false,
    page: readPage(fields, 50),
  }),
  async run({ filters, shared, ascending, page }, call) {
    const { book, region } = call.parts;
    call.authorize();
    const found: BackupRecord[] = [];
    const wanted = (name: (typeof FILTERS)[number], value: string): boolean =>
      filters.get(name)?.includes(value) ?? true;
    for await (const { record } of book.backupsOf(shared ? undefined : call.accountId)) {
      // None is a copy of another region's.
      const its =
        wanted('backupIds', record.backupId) &&
        wanted('clusterIds', record.clusterId) &&
        wanted('states', record.state) &&
        wanted('neverExpires', String(record.neverExpires)) &&
        !filters.has('sourceBackupIds');
      if (!its) continue;
      if (!shared || (record.accountId !== call.accountId && (await call.maySee(record)))) found.push(record);
    }
    found.sort((a, b) => (ascending ? a.createdMs - b.createdMs : b.createdMs - a.createdMs));
    const { shown, ...next } = pageOf(found, page, ({ backupId }) => backupId);
    const views = shown.map(async (one) => backupView(one, await book.tagsOf(one.accountId, one.backupId), region));
    return { Backups: await Promise.all(views), ...next };
  },
});
