import { decide } from '../../src/policy/decide.js';
import { parseIdentityPolicy, parseKeyPolicy } from '../../src/policy/parse.js';
import type { PolicyRequest, PolicySources } from '../../src/policy/ports.js';
import type { Context } from '../context.js';
import { median } from '../table.js';

const ACCOUNT = '111111111111';
const KEY = `arn:aws:kms:us-east-1:${ACCOUNT}:key/134f2428-cec1-4b25-a1ae-9048164dba47`;
const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`;

const account = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' };
const viaS3 = {
  Effect: 'Allow',
  Principal: { AWS: ALICE },
  Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
  Resource: '*',
  Condition: {
    StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' },
    StringLike: { 'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::bench/*' },
  },
};
const denyOutside = {
  Effect: 'Deny',
  Principal: '*',
  Action: 'kms:*',
  Resource: '*',
  Condition: { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
};
const identity = parseIdentityPolicy({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: KEY }],
});

const CASES: { name: string; key: object[]; identity: boolean }[] = [
  { name: 'default key policy', key: [account], identity: true },
  { name: '20 statements with conditions', key: [...Array(18).fill(viaS3), denyOutside, account], identity: true },
];

/** Policy decisions alone: one thread, no I/O. Printed without a ceiling: nothing else does the same work. */
export async function policy(context: Context): Promise<void> {
  const count = context.options.quick ? 20_000 : 500_000;
  for (const { name, key, identity: has } of CASES) {
    const sources: PolicySources = {
      identity: has ? [identity] : [],
      resource: parseKeyPolicy(JSON.stringify({ Version: '2012-10-17', Statement: key })),
      accountTrusted: false,
    };
    const request: PolicyRequest = {
      principal: {
        kind: 'user',
        accountId: ACCOUNT,
        arn: ALICE,
        userId: 'AIDA',
        userName: 'alice',
        canonicalUserId: 'c',
      },
      action: 'kms:Decrypt',
      resource: KEY,
      resourceAccountId: ACCOUNT,
      context: new Map([
        ['aws:sourceip', ['10.1.2.3']],
        ['kms:viaservice', ['s3.us-east-1.amazonaws.com']],
        ['kms:encryptioncontext:aws:s3:arn', ['arn:aws:s3:::bench/object']],
      ]),
    };
    if (!decide(request, sources).allowed) throw new Error(`${name}: not allowed`);
    const rates: number[] = [];
    for (let round = -1; round < context.options.rounds; round++) {
      const started = process.hrtime.bigint();
      for (let i = 0; i < count; i++) decide(request, sources);
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      if (round >= 0) rates.push(count / seconds);
    }
    context.add({
      row: `policy decisions, ${name}`,
      unit: 'decisions/s',
      measured: median(rates),
      against: undefined,
    });
  }
}
