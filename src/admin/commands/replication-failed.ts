import { dataCommand } from '../command.js';
import { type Json, line, type Message } from '../message.js';
import { findBucket, maySee } from '../own-bucket.js';

export const replicationFailed = dataCommand({
  noun: 'replication',
  verb: 'failed',
  where: 'both',
  summary: 'lists the object versions that could not be replicated, and why',
  arguments: {
    bucket: { kind: 'text', placeholder: 'BUCKET', summary: 'only of this source bucket', positional: true },
  },
  async *run({ bucket }, context): AsyncGenerator<Message> {
    const { services } = context.data;
    const only = bucket === undefined ? undefined : (await findBucket(context, bucket)).record.bucketId;
    const seen = new Map<string, boolean>();
    let count = 0;
    for await (const { key, failure } of services.replication.queue.failed(
      only === undefined ? undefined : Buffer.from(only, 'hex'),
    )) {
      const { bucket: name, versionId, failures, failedMs } = failure;
      if (!seen.has(name)) seen.set(name, maySee(context, await services.buckets.get(name)));
      if (!seen.get(name)) continue;
      count++;
      for (const { bucketArn, reason, detail } of failures) {
        const text = [new Date(failedMs).toISOString(), `${name}/${key}`, versionId, reason, bucketArn || '-', detail];
        yield line(text.join('  '), { bucket: name, key, versionId, failedMs, bucketArn, reason, detail } as Json);
      }
    }
    yield line(`${count} object versions could not be replicated`, { count });
  },
});
