import { dataCommand } from '../command.js';
import { CommandError } from '../errors.js';
import { line, type Message } from '../message.js';
import { findBucket } from '../own-bucket.js';

/**
 * The way back from a policy that its account's root put with `x-amz-confirm-remove-self-bucket-access` and that shuts out
 * everybody. Over S3 that policy binds root too, so no server does it: who holds the data and the root key does.
 */
export const bucketPolicyRemove = dataCommand({
  noun: 'bucket-policy',
  verb: 'remove',
  where: 'both',
  summary: 'removes the policy of a bucket that shuts out everybody, and prints it; the server has to be stopped',
  arguments: {
    bucket: { kind: 'text', placeholder: 'BUCKET', summary: 'the bucket', positional: true, required: true },
  },
  async *run({ bucket: name }, context): AsyncGenerator<Message> {
    if (context.caller) {
      const message = 'a server runs over this data, and asks the policy itself: stop it, or use DeleteBucketPolicy';
      throw new CommandError('ServerRuns', message, 403);
    }
    const { record } = await findBucket(context, name);
    const { bucketPolicies } = context.data.services;
    const text = record.policy && (await bucketPolicies.text(record.bucketId, record.policy.stamp));
    if (text === undefined) throw new CommandError('NoSuchBucketPolicy', `the bucket ${name} has no policy`, 404);
    await bucketPolicies.remove(record);
    yield line(JSON.stringify(JSON.parse(text)));
    yield line(`this was the policy of ${name}; the bucket has none now`, { bucket: name, policy: text });
  },
});
