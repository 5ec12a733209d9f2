import { describe, expect, test } from 'vitest';
import { isRefused, rulesFor, type Subject } from '../../../src/s3/replication/match.js';
import type { ReplicationRule } from '../../../src/s3/replication/rules.js';

const arn = (name: string) => `arn:aws:s3:::${name}`;
const newer = (id: string, more: Partial<ReplicationRule> = {}): ReplicationRule => ({
  ...{ id, enabled: true, priority: 1, filter: {}, deleteMarkers: false },
  ...more,
  destination: { bucketArn: arn('b1'), ...more.destination },
});
const older = (id: string, prefix: string): ReplicationRule => ({
  ...{ id, enabled: true, prefix },
  destination: { bucketArn: arn('b1') },
});
const object = (key: string, more: Partial<Subject> = {}): Subject => ({ key, tags: [], mode: 'SSE-S3', ...more });
const marker = (key: string): Subject => ({ key, tags: [], mode: undefined });
const tagged = (...tags: [string, string][]) => object('k', { tags });

const CASES: [what: string, rules: ReplicationRule[], subject: Subject, expected: string[]][] = [
  ['no rule', [], object('k'), []],
  ['an empty filter', [newer('a')], object('k'), ['a']],
  ['a rule that is off', [newer('a', { enabled: false })], object('k'), []],
  ['a prefix', [newer('a', { filter: { prefix: 'p/' } })], object('p/k'), ['a']],
  ['another prefix', [newer('a', { filter: { prefix: 'p/' } })], object('q/k'), []],
  ['a prefix of the older form', [older('a', 'p/')], object('p/k'), ['a']],
  ['a tag', [newer('a', { filter: { tags: [['x', '1']] } })], tagged(['x', '1']), ['a']],
  ['another value', [newer('a', { filter: { tags: [['x', '1']] } })], tagged(['x', '2']), []],
  ['case counts', [newer('a', { filter: { tags: [['x', '1']] } })], tagged(['X', '1']), []],
  [
    'all tags',
    [
      newer('a', {
        filter: {
          and: true,
          tags: [
            ['x', '1'],
            ['y', '2'],
          ],
        },
      }),
    ],
    tagged(['y', '2'], ['x', '1']),
    ['a'],
  ],
  [
    'one tag too few',
    [
      newer('a', {
        filter: {
          and: true,
          tags: [
            ['x', '1'],
            ['y', '2'],
          ],
        },
      }),
    ],
    tagged(['x', '1']),
    [],
  ],
  ['the higher priority', [newer('a', { priority: 1 }), newer('b', { priority: 2 })], object('k'), ['b']],
  ['in whatever order', [newer('b', { priority: 2 }), newer('a', { priority: 1 })], object('k'), ['b']],
  [
    'each destination its own',
    [newer('a'), newer('b', { priority: 2, destination: { bucketArn: arn('b2') } })],
    object('k'),
    ['a', 'b'],
  ],
  [
    'the lower one where the higher doesn’t select',
    [newer('a', { priority: 1 }), newer('b', { priority: 2, filter: { prefix: 'q' } })],
    object('k'),
    ['a'],
  ],
  ['a delete marker, not wanted', [newer('a')], marker('k'), []],
  ['a delete marker, wanted', [newer('a', { deleteMarkers: true })], marker('k'), ['a']],
  ['a delete marker in the older form', [older('a', '')], marker('k'), ['a']],
  ['a delete marker elsewhere', [newer('a', { deleteMarkers: true, filter: { prefix: 'p' } })], marker('k'), []],
  ['SSE-KMS, not named', [newer('a')], object('k', { mode: 'SSE-KMS' }), []],
  ['SSE-KMS, off', [newer('a', { sseKms: false })], object('k', { mode: 'SSE-KMS' }), []],
  ['SSE-KMS, on', [newer('a', { sseKms: true })], object('k', { mode: 'SSE-KMS' }), ['a']],
  ['DSSE-KMS, not named', [newer('a')], object('k', { mode: 'DSSE-KMS' }), []],
  ['DSSE-KMS, on', [newer('a', { sseKms: true })], object('k', { mode: 'DSSE-KMS' }), ['a']],
  ['SSE-C, never', [newer('a', { sseKms: true })], object('k', { mode: 'SSE-C' }), []],
];

describe('which rules a version replicates by', () => {
  test.each(CASES)('%s', (_what, rules, subject, expected) => {
    expect(rulesFor({ role: 'r', rules }, subject).map((one) => one.id)).toEqual(expected);
  });
});

test('SSE-C is refused exactly where a rule that is on covers the key and its tags', () => {
  const ssec = (key: string, tags: [string, string][] = []): Subject => ({ key, tags, mode: 'SSE-C' });
  const cases: [ReplicationRule, Subject, boolean][] = [
    [newer('a'), ssec('k'), true],
    [newer('a', { enabled: false }), ssec('k'), false],
    [newer('a', { filter: { prefix: 'p' } }), ssec('k'), false],
    [newer('a', { filter: { tags: [['x', '1']] } }), ssec('k'), false],
    [newer('a', { filter: { tags: [['x', '1']] } }), ssec('k', [['x', '1']]), true],
    [older('a', 'k'), ssec('k'), true],
    [newer('a'), object('k'), false],
    [newer('a'), marker('k'), false],
  ];
  for (const [rule, subject, expected] of cases) {
    expect(isRefused({ role: 'r', rules: [rule] }, subject)).toBe(expected);
  }
});
