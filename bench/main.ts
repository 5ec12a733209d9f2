/**
 * `npm run bench -- [--quick] [--only <name>] [--mode SSE-KMS] [--rounds 5] [--cpu-profile]`
 *
 * `npm run bench -- --against URL|DIST [--against-pid PID]`: the client's rows beside another server, or another build.
 *
 * `npm run bench -- --profile cluster`: one and two gateways over PostgreSQL beside the embedded engine. Needs Debian's PostgreSQL.
 *
 * Every row beside its ceiling, measured in the same run. Three processes: the server, the client, the ceilings. Nothing is written
 * outside the temporary directory of the system.
 */
import { availableParallelism, cpus } from 'node:os';
import { runAgainst } from './against/run.js';
import { runCluster } from './cluster.js';
import { Context } from './context.js';
import { readOptions } from './options.js';
import { blobWrites } from './rows/blob-writes.js';
import { bucketPolicy } from './rows/bucket-policy.js';
import { deleteObjects } from './rows/delete-objects.js';
import { kms } from './rows/kms.js';
import { kmsHsm } from './rows/kms-hsm.js';
import { getLarge, putLarge } from './rows/large.js';
import { list } from './rows/list.js';
import { listDelimiter } from './rows/list-delimiter.js';
import { memory } from './rows/memory.js';
import { parts } from './rows/parts.js';
import { policy } from './rows/policy.js';
import { putSmall, readSmall } from './rows/small.js';
import { deletions, overwrites } from './rows/space.js';
import { unread } from './rows/unread.js';
import { updateEncryption } from './rows/update-encryption.js';
import { format } from './table.js';

const ROWS: Record<string, (context: Context) => Promise<void>> = {
  parts,
  'put-large-1': (context) => putLarge(context, 1),
  'put-large-8': (context) => putLarge(context, 8),
  'get-large-1': (context) => getLarge(context, 1),
  'get-large-8': (context) => getLarge(context, 8),
  'blob-writes': blobWrites,
  'put-small': putSmall,
  'get-small': (context) => readSmall(context, 'GET'),
  'head-small': (context) => readSmall(context, 'HEAD'),
  list,
  'list-delimiter': listDelimiter,
  'delete-objects': deleteObjects,
  kms,
  'kms-hsm': kmsHsm,
  'update-encryption': updateEncryption,
  policy,
  'bucket-policy': bucketPolicy,
  memory,
  unread,
  'space-overwrites': overwrites,
  'memory-deletions': deletions,
};

const options = readOptions(process.argv.slice(2));
const chosen = Object.entries(ROWS).filter(([name]) => name.includes(options.only ?? ''));
if (chosen.length === 0 && options.against === undefined && options.profile === 'embedded')
  throw new Error(`--only is (a part of) one of ${Object.keys(ROWS).join(', ')}`);
const cpu = cpus()[0]?.model.trim() ?? process.arch;
const ranOn = `Node.js ${process.version}, ${availableParallelism()} cores (${cpu}), server and client on the same machine`;
process.stderr.write(`${ranOn}\n`);
const context = await Context.open(options);
try {
  if (options.profile === 'cluster') await runCluster(context);
  else if (options.against !== undefined) await runAgainst(context, options.against, options.againstPid);
  else
    for (const [name, measure] of chosen) {
      process.stderr.write(`\n${name}\n`);
      try {
        await measure(context);
      } catch (error) {
        process.exitCode = 1;
        process.stderr.write(`${name} failed: ${(error as Error).stack}\n`);
      }
      await context.reset();
    }
} finally {
  await context.close();
}
process.stdout.write(`\n${ranOn}\n\n${format(context.lines)}\n`);
