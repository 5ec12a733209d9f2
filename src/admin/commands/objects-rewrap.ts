import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type KeyFacts, type KmsCallerContext, KmsError } from '../../encryption/ports.js';
import { viaS3 } from '../../s3/encryption/key-target.js';
import type { BucketRecord } from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import { type Arguments, dataCommand } from '../command.js';
import { CommandError, UsageError } from '../errors.js';
import { type Json, line, type Message } from '../message.js';
import type { DataContext } from '../ports.js';
import { type RewrapCounts, RewrapRun } from '../rewrap/run.js';
import { countVersions } from '../rewrap/versions.js';

/** In a server a run rests as long as a page took, so that it takes half of a processor and of a disk at most, but no longer than this. */
const REST_MAX_MS = 1000;

const specs = {
  bucket: { kind: 'text', placeholder: 'BUCKET', summary: 'in this bucket alone; default: in all of the account' },
  prefix: { kind: 'text', placeholder: 'PREFIX', summary: 'keys of the bucket that start with this' },
  from: { kind: 'text', placeholder: 'KEY', summary: 'versions under this key alone: id, ARN, alias or alias ARN' },
  to: {
    kind: 'text',
    placeholder: 'KEY',
    summary: 'the key they are to lie under: id, ARN, alias or alias ARN',
    required: true,
  },
  bucketKey: {
    kind: 'text',
    placeholder: 'on|off',
    summary: 'with an S3 Bucket Key or without; default: as each version is',
  },
  currentOnly: { kind: 'flag', summary: 'leaves noncurrent versions as they are' },
  rate: { kind: 'integer', placeholder: 'N', summary: 'looks at so many versions a second at most' },
} as const;

export const objectsRewrap = dataCommand({
  noun: 'objects',
  verb: 'rewrap',
  where: 'both',
  summary: 'puts the data keys of object versions under another KMS key, bodies untouched; run it again to go on',
  arguments: specs,
  async *run(args, context): AsyncGenerator<Message> {
    const { prefix = '', from, currentOnly, rate } = args;
    const bucketKeyEnabled = readArguments(args);
    const { services } = context.data;
    const who = callerOf(context, accountOf(args.to, context));
    const buckets = await bucketsOf(context, args.bucket, who.caller.accountId);
    const target = await describe(context, who, args.to);
    requireUsable(target);
    // An alias may be given to another key while this runs: what it names now is meant.
    const to = target.keyArn;
    const source = from === undefined ? undefined : (await describe(context, who, from)).keyArn;
    // Else new wraps may still come under a backing key from before a rotation.
    services.dataKeys.forgetBucketKeys();
    const run = new RewrapRun({
      services,
      who,
      prefix,
      currentOnly,
      from: source,
      to: { keyArn: to, materialId: await materialOf(context, who, to), bucketKeyEnabled },
      rest: (versions, tookMs) => sleep(restMs(versions, tookMs, context.caller !== undefined, rate)),
    });
    let total = 0;
    for (const { record } of buckets) total += await countVersions(services, record.bucketId, prefix);
    const progress = (): Message => ({ type: 'progress', task: 'versions', done: Math.min(run.done, total), total });
    yield progress();
    for (const bucket of buckets) {
      for await (const messages of run.run(bucket)) {
        yield* messages;
        yield progress();
      }
    }
    yield { type: 'progress', task: 'versions', done: total, total };
    yield summaryOf(run.counts);
    if (source !== undefined && source !== to) yield* leftUnder(context, who, source);
  },
});

/** What `--bucket-key` says. @throws UsageError */
function readArguments({ bucket, prefix, from, bucketKey, rate }: Arguments<typeof specs>): boolean | undefined {
  if (bucket === undefined && from === undefined) throw new UsageError('--bucket or --from is missing: which objects?');
  if (bucket === undefined && prefix !== undefined) throw new UsageError('--prefix is of one --bucket');
  if (rate === 0) throw new UsageError('--rate is above 0');
  if (bucketKey === undefined) return undefined;
  if (bucketKey !== 'on' && bucketKey !== 'off') throw new UsageError('--bucket-key is on or off');
  return bucketKey === 'on';
}

/** Whose key it is: an ARN says it; else it is the caller's, or offline that of the only account. */
function accountOf(key: string, { data, caller }: DataContext): string {
  const isArn = key.startsWith('arn:');
  const accountId = isArn ? key.split(':')[4] : (caller?.accountId ?? onlyOne(data.accountIds));
  if (accountId) return accountId;
  const what = isArn ? 'is not the ARN of a key or an alias' : 'is an ARN, where there are several accounts';
  throw new UsageError(`--to ${what}`);
}

const onlyOne = (ids: readonly string[]): string | undefined => (ids.length === 1 ? ids[0] : undefined);

/** The root who signed; offline that of the account whose key and buckets these are. As for a client, S3 asks the key service. */
function callerOf({ data, caller, request }: DataContext, accountId: string): KmsCallerContext {
  const root = caller ?? data.rootOf(accountId);
  if (root?.accountId !== accountId) {
    throw new CommandError('AccessDenied', 'the key must be of the same account as the buckets, and as who asks', 403);
  }
  const requestContext = request?.conditions;
  return {
    caller: root,
    viaService: viaS3(data.services),
    ...(requestContext && { requestContext }),
    requestId: request?.id ?? randomUUID(),
  };
}

async function bucketsOf(
  { data }: DataContext,
  name: string | undefined,
  accountId: string,
): Promise<Stored<BucketRecord>[]> {
  const { buckets } = data.services;
  const found: Stored<BucketRecord>[] = [];
  if (name === undefined) {
    for await (const bucket of buckets.all()) if (bucket.record.ownerAccountId === accountId) found.push(bucket);
    return found;
  }
  const bucket = await buckets.get(name);
  if (bucket?.record.ownerAccountId !== accountId) {
    throw new CommandError('NoSuchBucket', `account ${accountId} has no bucket ${JSON.stringify(name)}`, 404);
  }
  return [bucket];
}

async function describe({ data }: DataContext, who: KmsCallerContext, key: string): Promise<KeyFacts> {
  try {
    return await data.services.keyService.describeKey(who, key);
  } catch (error) {
    if (!(error instanceof KmsError)) throw error;
    throw new CommandError('NoSuchKey', `${key}: ${error.message} (${error.code})`, 404);
  }
}

/** Better told once than of every version. */
function requireUsable({ keyArn, keyState, keySpec }: KeyFacts): void {
  if (keyState === 'Enabled' && keySpec === 'SYMMETRIC_DEFAULT') return;
  const what = keyState === 'Enabled' ? `a key of type ${keySpec}` : keyState;
  throw new CommandError('KeyUnusable', `${keyArn} is ${what}: nothing can be put under it`, 409);
}

async function materialOf({ data }: DataContext, who: KmsCallerContext, keyArn: string): Promise<string | undefined> {
  const keys = data.kms?.keys;
  return keys?.current(await keys.findExisting(keys.reference(who, keyArn))).id;
}

function restMs(versions: number, tookMs: number, inServer: boolean, rate: number | undefined): number {
  const forRate = rate === undefined ? 0 : (versions * 1000) / rate - tookMs;
  return Math.max(0, forRate, inServer ? Math.min(tookMs, REST_MAX_MS) : 0);
}

function summaryOf(counts: RewrapCounts): Message {
  const { rewrapped, alreadyThere, skipped, failed } = counts;
  const reasons = Object.entries(skipped).filter(([, count]) => count > 0);
  const skips = reasons.map(([reason, count]) => `, ${count} skipped (${WORDS[reason] ?? reason})`).join('');
  const text = `${rewrapped} versions rewrapped, ${alreadyThere} were already${skips}, ${failed} failed`;
  return line(text, { ...counts } as unknown as Json);
}

const WORDS: Record<string, string> = { deleteMarker: 'delete markers', changed: 'changed meanwhile' };

/** Written meanwhile, or skipped. A remote KMS's keys aren't indexed. */
async function* leftUnder({ data }: DataContext, who: KmsCallerContext, keyArn: string): AsyncGenerator<Message> {
  const keys = data.kms?.keys;
  if (!keys?.parts.impact) return;
  const record = await keys.findExisting(keys.reference(who, keyArn));
  const { objects } = await keys.parts.impact.of(record.backingKeys.map((one) => one.id));
  yield line(`${objects} versions still lie under ${keyArn}`, { keyArn, objects });
}
