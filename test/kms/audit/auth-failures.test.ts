import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.js';
import { AuthFailures } from '../../../src/kms/audit/auth-failures.js';
import type { AuditEvent } from '../../../src/kms/audit/ports.js';
import { START_MS } from './harness.js';

function make() {
  const clock = new ManualClock(START_MS);
  const events: AuditEvent[] = [];
  const failures = new AuthFailures({ record: (event) => void events.push(event) }, clock);
  const fail = (code = 'SignatureDoesNotMatch', service = 'kms') =>
    failures.note({ service, code, requestId: 'R', sourceIp: '192.0.2.1' });
  return { clock, events, failures, fail };
}

test('the first failure is an event; those of the same second are counted and told with the next', () => {
  const { clock, events, failures, fail } = make();
  for (let i = 0; i < 100; i++) fail();
  fail('InvalidAccessKeyId', 's3');
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    action: 'AuthenticationFailure',
    result: 'SignatureDoesNotMatch',
    requestId: 'R',
    sourceIp: '192.0.2.1',
    details: { 'kms SignatureDoesNotMatch': 1 },
  });
  clock.advance(1000);
  fail();
  expect(events[1]?.details).toEqual({ 'kms SignatureDoesNotMatch': 100, 's3 InvalidAccessKeyId': 1 });
  expect([...failures.totals()]).toEqual([
    ['kms SignatureDoesNotMatch', 101],
    ['s3 InvalidAccessKeyId', 1],
  ]);
});

test('what came after the last event is told when asked for, and nothing where nothing came', () => {
  const { clock, events, failures, fail } = make();
  failures.sample();
  expect(events).toHaveLength(0);
  fail();
  fail();
  clock.advance(1000);
  failures.sample();
  failures.sample();
  clock.advance(1000);
  failures.sample();
  expect(events.map(({ details }) => details)).toEqual([
    { 'kms SignatureDoesNotMatch': 1 },
    { 'kms SignatureDoesNotMatch': 1 },
  ]);
});

test('a day of a thousand failures a minute makes at most 300 events an hour, and every failure is in their counts', () => {
  const { clock, events, failures, fail } = make();
  let noted = 0;
  for (let tenth = 0; tenth < 24 * 60 * 60; tenth++) {
    for (let i = 0; i < 17; i++) {
      fail();
      noted++;
    }
    clock.advance(1000);
  }
  clock.advance(3_600_000);
  failures.sample();
  const counted = events.reduce((sum, { details }) => sum + Number(details!['kms SignatureDoesNotMatch']), 0);
  expect(counted).toBe(noted);
  expect(events.length).toBe(24 * 300 + 1);
});

test('kinds are bounded, and a clock that is set back does not silence it', () => {
  const { clock, events, failures, fail } = make();
  for (let i = 0; i < 1000; i++) fail(`Code${i}`);
  expect(failures.totals().size).toBe(65);
  expect(failures.totals().get('other')).toBe(1000 - 64);
  clock.advance(-10 * 86_400_000);
  fail();
  expect(events).toHaveLength(2);
});

test('a log that can not be written does not break the answer', async () => {
  const clock = new ManualClock(START_MS);
  const failures = new AuthFailures({ record: () => Promise.reject(new Error('full')) }, clock);
  failures.note({ service: 'kms', code: 'X', requestId: 'R' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures.totals().get('kms X')).toBe(1);
});
