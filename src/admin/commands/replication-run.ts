import { setTimeout as sleep } from 'node:timers/promises';
import { ExistingVersions } from '../../s3/replication/existing.js';
import { REPLICATION } from '../../s3/replication/rules.js';
import { dataCommand } from '../command.js';
import { CommandError } from '../errors.js';
import { line, type Message } from '../message.js';
import { findBucket } from '../own-bucket.js';

const PROGRESS_EVERY = 500;
const POLL_MS = 500;

export const replicationRun = dataCommand({
  noun: 'replication',
  verb: 'run',
  where: 'server',
  summary: 'replicates what a bucket had before its rules, and what failed',
  arguments: {
    bucket: { kind: 'text', placeholder: 'BUCKET', summary: 'the source bucket', required: true, positional: true },
    all: { kind: 'flag', summary: 'also what has been replicated already (a Coffer keeps the replicas it has)' },
    queueOnly: { kind: 'flag', summary: "ends when everything is queued, and doesn't wait until it is replicated" },
  },
  async *run({ bucket: name, all, queueOnly }, context): AsyncGenerator<Message> {
    const { services } = context.data;
    const bucket = await findBucket(context, name);
    if (!(await services.configs.read(bucket.record, REPLICATION))) {
      throw new CommandError('NoReplication', `bucket ${name} has no replication configuration`);
    }
    const existing = new ExistingVersions(services, bucket, { all });
    const total = await existing.count();
    let done = 0;
    let queued = 0;
    for await (const taken of existing.queue()) {
      if (taken) queued++;
      if (++done % PROGRESS_EVERY === 0)
        yield { type: 'progress', task: 'versions looked at', done, total: Math.max(total, done) };
    }
    yield { type: 'progress', task: 'versions looked at', done, total: done };
    yield line(`${queued} of ${done} object versions are queued`, { queued, versions: done });
    if (queueOnly) return;
    yield* untilReplicated(context.data.services.replication.queue, Buffer.from(bucket.record.bucketId, 'hex'));
  },
});

/** Also what comes while it waits. */
async function* untilReplicated(
  queue: { count(bucketId: Uint8Array): Promise<number> },
  bucketId: Uint8Array,
): AsyncGenerator<Message> {
  const total = await queue.count(bucketId);
  for (;;) {
    const left = await queue.count(bucketId);
    yield { type: 'progress', task: 'versions replicated', done: Math.max(0, total - left), total };
    if (left === 0) return;
    await sleep(POLL_MS);
  }
}
