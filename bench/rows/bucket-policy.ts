import type { Context } from '../context.js';
import { bucketOf } from '../modes.js';
import { median } from '../table.js';

const CLIENTS = 32;
const BODY_BYTES = 4096;
const STATEMENTS = 20;
const FLOOR = 0.9;

const MODE = 'SSE-S3';
const BUCKET = `${bucketOf(MODE)}-policy`;

/** Nothing in it decides for a PUT of the account's root, and all of it must be looked at. */
function policyOf(bucket: string): string {
  const Resource = `arn:aws:s3:::${bucket}/*`;
  const allow = (i: number): object => ({
    Sid: `reader${i}`,
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::000000000000:root' },
    Action: ['s3:GetObject', `s3:${i % 2 === 0 ? 'PutObjectTagging' : 'Put*Acl'}`],
    Resource: `arn:aws:s3:::${bucket}/team-${i}/*`,
    Condition: { StringLike: { 'aws:UserAgent': `agent-${i}*` } },
  });
  const deny = {
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:*',
    Resource,
    Condition: { NotIpAddress: { 'aws:SourceIp': ['127.0.0.0/8', '10.0.0.0/8'] } },
  };
  const Statement = [...Array.from({ length: STATEMENTS - 1 }, (_, i) => allow(i)), deny];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

/** PUT into a bucket with a policy of 20 statements, against the same without one. */
export async function bucketPolicy(context: Context): Promise<void> {
  const { client, options } = context;
  const count = options.quick ? 500 : 10_000;
  await context.withServer({ profile: true }, async ({ port }) => {
    await context.makeBuckets(port);
    const path = `/${BUCKET}`;
    await client.do({ port, clients: 1, targets: [{ method: 'PUT', path }] });
    const text = policyOf(BUCKET);
    await client.do({ port, clients: 1, targets: [{ method: 'PUT', path, query: { policy: '' } }], text });
    const rate = async (bucket: string, round: number): Promise<number> => {
      const targets = Array.from({ length: count }, (_, i) => ({
        method: 'PUT',
        path: `/${bucket}/${round}/${i}`,
      }));
      const done = await client.do({ port, clients: CLIENTS, targets, bodyBytes: BODY_BYTES });
      return done.requests / done.seconds;
    };
    const pairs: { without: number; own: number }[] = [];
    for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
      const without = await rate(bucketOf(MODE), round);
      const own = await rate(BUCKET, round);
      if (round >= 0) pairs.push({ without, own });
    }
    context.add({
      row: `4 KiB PUT, policy of ${STATEMENTS} statements, ${CLIENTS} clients`,
      unit: 'requests/s',
      measured: median(pairs.map(({ own }) => own)),
      against: { name: 'without a policy', value: median(pairs.map(({ without }) => without)) },
      ratio: median(pairs.map(({ without, own }) => own / without)),
      floor: FLOOR,
    });
  });
}
