import { describe, expect, test } from 'vitest';
import { actionsFor, type LifecycleAction } from '../../../src/s3/lifecycle/actions.js';
import { coveringPrefixes } from '../../../src/s3/lifecycle/match.js';
import type { Lifecycle, LifecycleRule } from '../../../src/s3/lifecycle/rules.js';
import type { ObjectContent, ObjectRecord } from '../../../src/store/records.js';

const DAY = 86_400_000;
const KiB = 1024;
/** 2026-01-15 10:30 UTC, and the midnight before it. */
const NOON = Date.UTC(2026, 0, 15, 10, 30);
const MIDNIGHT = Date.UTC(2026, 0, 15);

const rule = (extra: Partial<LifecycleRule>): LifecycleRule => ({ id: 'r', enabled: true, filter: {}, ...extra });

let sequence = 1000;
function version(ageMs: number, extra: Partial<ObjectContent> = {}, now = NOON): ObjectRecord {
  const content = { size: 200 * KiB, storageClass: 'STANDARD', ...extra } as ObjectContent;
  return {
    objectId: 'o',
    versionId: 'v',
    sequence: sequence--,
    lastModifiedMs: now - ageMs,
    ownerAccountId: '1',
    content,
  };
}
function marker(ageMs: number, now = NOON): ObjectRecord {
  const { content: _, ...rest } = version(ageMs, {}, now);
  return { ...rest, deleteMarker: true };
}

interface Case {
  rules: LifecycleRule[];
  versions: ObjectRecord[];
  now?: number;
  key?: string;
  more?: boolean;
  minimumSize?: Lifecycle['minimumSize'];
  /** By index of the version: `expire`, `deleteVersion`, `deleteMarker`, or a class. */
  due: Record<number, string[]>;
}

const days = (n: number): LifecycleRule => rule({ expiration: { days: n } });
const noncurrent = (n: number, newer?: number): LifecycleRule =>
  rule({ noncurrentExpiration: newer === undefined ? { days: n } : { days: n, newer } });
const to = (storageClass: string, n = 1): LifecycleRule => rule({ transitions: [{ days: n, storageClass }] });
const EXPIRE = { 0: ['expire'] };

const CASES: [name: string, given: Case][] = [
  // Made on 2026-01-15 at 10:30 with 3 days: 2026-01-19 at 00:00 (the user guide's example, in this year).
  [
    'days end at the next midnight: not before',
    { rules: [days(3)], versions: [version(0)], now: Date.UTC(2026, 0, 19) - 1, due: {} },
  ],
  [
    'days end at the next midnight: then',
    { rules: [days(3)], versions: [version(0)], now: Date.UTC(2026, 0, 19), due: EXPIRE },
  ],
  [
    'made at midnight, days end at one',
    { rules: [days(1)], versions: [version(NOON - MIDNIGHT)], now: MIDNIGHT + DAY, due: EXPIRE },
  ],
  [
    'a rule that is off does nothing',
    { rules: [{ ...days(1), enabled: false }], versions: [version(9 * DAY)], due: {} },
  ],
  ['a date that came', { rules: [rule({ expiration: { dateMs: MIDNIGHT } })], versions: [version(0)], due: EXPIRE }],
  [
    'a date to come',
    { rules: [rule({ expiration: { dateMs: MIDNIGHT + DAY } })], versions: [version(99 * DAY)], due: {} },
  ],
  [
    'the older prefix',
    {
      rules: [{ id: 'r', enabled: true, prefix: 'a/', expiration: { days: 1 } }],
      versions: [version(9 * DAY)],
      key: 'a/b',
      due: EXPIRE,
    },
  ],
  [
    'another prefix',
    {
      rules: [{ id: 'r', enabled: true, prefix: 'a/', expiration: { days: 1 } }],
      versions: [version(9 * DAY)],
      key: 'b/a/',
      due: {},
    },
  ],
  [
    'a filter of a prefix',
    { rules: [{ ...days(1), filter: { prefix: 'k' } }], versions: [version(9 * DAY)], due: EXPIRE },
  ],
  [
    'a filter of a tag that it has',
    {
      rules: [{ ...days(1), filter: { tags: [['a', '1']] } }],
      versions: [
        version(9 * DAY, {
          tags: [
            ['b', '2'],
            ['a', '1'],
          ],
        }),
      ],
      due: EXPIRE,
    },
  ],
  [
    'a filter of a tag with another value',
    {
      rules: [{ ...days(1), filter: { tags: [['a', '1']] } }],
      versions: [version(9 * DAY, { tags: [['a', '2']] })],
      due: {},
    },
  ],
  [
    'a filter of two tags, one of which is missing',
    {
      rules: [
        {
          ...days(1),
          filter: {
            and: true,
            tags: [
              ['a', '1'],
              ['b', '2'],
            ],
          },
        },
      ],
      versions: [version(9 * DAY, { tags: [['a', '1']] })],
      due: {},
    },
  ],
  [
    'larger than, at the limit',
    { rules: [{ ...days(1), filter: { sizeAbove: 10 } }], versions: [version(9 * DAY, { size: 10 })], due: {} },
  ],
  [
    'larger than, above it',
    { rules: [{ ...days(1), filter: { sizeAbove: 10 } }], versions: [version(9 * DAY, { size: 11 })], due: EXPIRE },
  ],
  [
    'smaller than, at the limit',
    { rules: [{ ...days(1), filter: { sizeBelow: 10 } }], versions: [version(9 * DAY, { size: 10 })], due: {} },
  ],
  [
    'smaller than, below it',
    { rules: [{ ...days(1), filter: { sizeBelow: 10 } }], versions: [version(9 * DAY, { size: 9 })], due: EXPIRE },
  ],
  [
    'all of And',
    {
      rules: [{ ...days(1), filter: { and: true, prefix: 'k', sizeAbove: 1, sizeBelow: 9, tags: [['a', '1']] } }],
      versions: [version(9 * DAY, { size: 5, tags: [['a', '1']] })],
      due: EXPIRE,
    },
  ],
  [
    'noncurrent since its successor was made',
    {
      rules: [noncurrent(2)],
      versions: [version(2 * DAY), version(99 * DAY), version(100 * DAY)],
      now: NOON,
      due: { 2: ['deleteVersion'] },
    },
  ],
  [
    'noncurrent at the next midnight',
    {
      rules: [noncurrent(2)],
      versions: [version(2 * DAY), version(99 * DAY)],
      now: MIDNIGHT + DAY,
      due: { 1: ['deleteVersion'] },
    },
  ],
  [
    'noncurrent delete markers go as well',
    {
      rules: [noncurrent(1)],
      versions: [version(9 * DAY), marker(10 * DAY), version(11 * DAY)],
      due: { 1: ['deleteVersion'], 2: ['deleteVersion'] },
    },
  ],
  [
    'noncurrent without bytes: delete markers alone',
    {
      rules: [{ ...noncurrent(1), filter: { sizeBelow: 1 } }],
      versions: [version(9 * DAY), marker(10 * DAY), version(11 * DAY)],
      due: { 1: ['deleteVersion'] },
    },
  ],
  [
    'newer versions that are kept',
    {
      rules: [noncurrent(1, 2)],
      versions: [0, 1, 2, 3, 4].map((i) => version((9 + i) * DAY)),
      due: { 3: ['deleteVersion'], 4: ['deleteVersion'] },
    },
  ],
  [
    'noncurrent rules leave the current version alone',
    { rules: [noncurrent(1)], versions: [version(99 * DAY)], due: {} },
  ],
  ['days leave noncurrent versions alone', { rules: [days(1)], versions: [version(0), version(99 * DAY)], due: {} }],
  [
    'days leave a delete marker that hides versions',
    { rules: [days(1)], versions: [marker(9 * DAY), version(99 * DAY)], due: {} },
  ],
  ['… also where they lie on another page', { rules: [days(1)], versions: [marker(9 * DAY)], more: true, due: {} }],
  [
    'days take a delete marker that hides nothing',
    { rules: [days(1)], versions: [marker(9 * DAY)], due: { 0: ['deleteMarker'] } },
  ],
  ['… when it is old enough', { rules: [days(9)], versions: [marker(9 * DAY)], due: {} }],
  [
    'an expired delete marker at once',
    {
      rules: [rule({ expiration: { expiredDeleteMarker: true } })],
      versions: [marker(0)],
      due: { 0: ['deleteMarker'] },
    },
  ],
  [
    '… not where the rule says false',
    { rules: [rule({ expiration: { expiredDeleteMarker: false } })], versions: [marker(9 * DAY)], due: {} },
  ],
  [
    'expired markers leave objects alone',
    { rules: [rule({ expiration: { expiredDeleteMarker: true } })], versions: [version(99 * DAY)], due: {} },
  ],
  [
    'a tag rule never fits a delete marker',
    { rules: [{ ...days(1), filter: { tags: [['a', '1']] } }], versions: [marker(9 * DAY)], due: {} },
  ],
  ['a transition', { rules: [to('GLACIER')], versions: [version(9 * DAY)], due: { 0: ['GLACIER'] } }],
  [
    'a transition of zero days, at the next midnight',
    { rules: [to('GLACIER_IR', 0)], versions: [version(NOON - MIDNIGHT + 1)], due: { 0: ['GLACIER_IR'] } },
  ],
  ['… and not before', { rules: [to('GLACIER_IR', 0)], versions: [version(1)], due: {} }],
  [
    'of two transitions the colder',
    { rules: [to('DEEP_ARCHIVE'), to('STANDARD_IA', 30)], versions: [version(99 * DAY)], due: { 0: ['DEEP_ARCHIVE'] } },
  ],
  [
    'a transition that was made',
    { rules: [to('GLACIER')], versions: [version(9 * DAY, { storageClass: 'GLACIER' })], due: {} },
  ],
  [
    'never warmer',
    { rules: [to('STANDARD_IA', 30)], versions: [version(99 * DAY, { storageClass: 'GLACIER' })], due: {} },
  ],
  [
    'not from ONEZONE_IA to GLACIER_IR',
    { rules: [to('GLACIER_IR')], versions: [version(9 * DAY, { storageClass: 'ONEZONE_IA' })], due: {} },
  ],
  ['small objects stay', { rules: [to('GLACIER')], versions: [version(9 * DAY, { size: 128 * KiB - 1 })], due: {} }],
  [
    '… from 128 KiB on they go',
    { rules: [to('GLACIER')], versions: [version(9 * DAY, { size: 128 * KiB })], due: { 0: ['GLACIER'] } },
  ],
  [
    '… or where the rule names a size',
    {
      rules: [{ ...to('GLACIER'), filter: { sizeAbove: 1 } }],
      versions: [version(9 * DAY, { size: 2 })],
      due: { 0: ['GLACIER'] },
    },
  ],
  [
    'varies_by_storage_class: to archives',
    {
      rules: [to('GLACIER')],
      minimumSize: 'varies_by_storage_class',
      versions: [version(9 * DAY, { size: 2 })],
      due: { 0: ['GLACIER'] },
    },
  ],
  [
    'varies_by_storage_class: not to others',
    {
      rules: [to('GLACIER_IR')],
      minimumSize: 'varies_by_storage_class',
      versions: [version(9 * DAY, { size: 2 })],
      due: {},
    },
  ],
  [
    'noncurrent transitions',
    {
      rules: [rule({ noncurrentTransitions: [{ days: 1, storageClass: 'GLACIER', newer: 1 }] })],
      versions: [version(9 * DAY), version(10 * DAY), marker(11 * DAY), version(12 * DAY)],
      due: { 3: ['GLACIER'] },
    },
  ],
  [
    'deletion for good comes before a transition',
    {
      rules: [noncurrent(1), rule({ noncurrentTransitions: [{ days: 1, storageClass: 'GLACIER' }] })],
      versions: [version(9 * DAY), version(10 * DAY)],
      due: { 1: ['deleteVersion'] },
    },
  ],
  [
    'a transition comes before the delete marker',
    { rules: [days(1), to('GLACIER')], versions: [version(9 * DAY)], due: { 0: ['GLACIER', 'expire'] } },
  ],
];

describe('what is due', () => {
  test.each(CASES)('%s', (_name, { rules, versions, now = NOON, key = 'key', more = false, minimumSize, due }) => {
    const lifecycle = { rules, minimumSize: minimumSize ?? ('all_storage_classes_128K' as const) };
    const found = actionsFor(lifecycle, { key, versions, more }, now, DAY);
    const told = (action: LifecycleAction) => (action.kind === 'transition' ? action.storageClass : action.kind);
    const entries = found.map((one) => [versions.indexOf(one.version), one.actions.map(told)] as const);
    expect(Object.fromEntries(entries)).toEqual(due);
  });

  test('there were cases', () => expect(CASES).toHaveLength(47));

  test('a list that is cut into pages says the same as a whole one', () => {
    const versions = Array.from({ length: 12 }, (_, i) =>
      i % 4 === 1 ? marker((9 + i) * DAY) : version((9 + i) * DAY),
    );
    const rules = [noncurrent(3, 4), rule({ noncurrentTransitions: [{ days: 1, storageClass: 'GLACIER' }] }), days(2)];
    const lifecycle = { rules, minimumSize: 'all_storage_classes_128K' as const };
    const whole = actionsFor(lifecycle, { key: 'k', versions, more: false }, NOON, DAY);
    expect(whole.length).toBeGreaterThan(8);
    let cuts = 0;
    for (let cut = 1; cut < versions.length; cut++, cuts++) {
      const before = { newer: cut - 1, successorMs: versions[cut - 1]!.lastModifiedMs };
      const first = actionsFor(lifecycle, { key: 'k', versions: versions.slice(0, cut), more: true }, NOON, DAY);
      const second = actionsFor(lifecycle, { key: 'k', versions: versions.slice(cut), before, more: false }, NOON, DAY);
      expect([...first, ...second]).toEqual(whole);
    }
    expect(cuts).toBe(11);
  });

  test('a shortened day counts by its own multiples', () => {
    const lifecycle = { rules: [days(3)], minimumSize: 'all_storage_classes_128K' as const };
    const made = version(0, {}, 10_500);
    const at = (now: number) => actionsFor(lifecycle, { key: 'k', versions: [made], more: false }, now, 1000).length;
    expect([at(13_999), at(14_000)]).toEqual([0, 1]);
  });
});

test('prefixes that start with others are not visited twice', () => {
  const prefixes = ['a', 'ab', 'b/c', 'b', '\u{1f600}', '\uff5e'];
  const rules = prefixes.map((prefix) => rule({ filter: { prefix } }));
  expect(coveringPrefixes(rules).sort()).toEqual(['a', 'b', '\u{1f600}', '\uff5e'].sort());
  expect(coveringPrefixes([...rules, rule({})])).toEqual(['']);
  expect(coveringPrefixes([{ ...rule({}), enabled: false }])).toEqual([]);
});
