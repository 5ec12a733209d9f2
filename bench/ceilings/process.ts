/** The process that measures what the parts can do without Coffer around them. */
import { crypto } from './crypto.js';
import { blobReads, blobWrites, blobWritesCpu, commits, iteration, seeks } from './engine.js';
import type { CeilingTask } from './tasks.js';

process.on('message', (task: CeilingTask) => {
  measure(task).then(
    (result) => process.send!({ result }),
    (error) => process.send!({ error: String(error?.stack ?? error) }),
  );
});

async function measure(task: CeilingTask): Promise<number> {
  switch (task.kind) {
    case 'blob-writes':
      return blobWrites(task);
    case 'blob-writes-cpu':
      return blobWritesCpu(task);
    case 'blob-reads':
      return blobReads(task);
    case 'commits':
      return commits(task);
    case 'iteration':
      return iteration(task);
    case 'seeks':
      return seeks(task);
    default:
      return crypto(task);
  }
}
