import { expect, test } from 'vitest';
import { LogOutput } from '../src/log-output.js';

type Outcome = NodeJS.ErrnoException['code'] | number | 'stuck';

/** A system that answers every write as told, then takes all; and a clock that runs when the test says so. */
function outputTo(outcomes: Outcome[], maxBytes?: number) {
  let taken = '';
  const waiting: (() => void)[] = [];
  let held: (() => void) | undefined;
  const output = new LogOutput(1, {
    ...(maxBytes !== undefined && { maxBytes }),
    write(_fd, bytes, done) {
      const outcome = outcomes.shift() ?? bytes.length;
      if (outcome === 'stuck') {
        held = () => done(null, bytes.length);
        return;
      }
      if (typeof outcome === 'string') return done(Object.assign(new Error(outcome), { code: outcome }), 0);
      taken += bytes.subarray(0, outcome).toString();
      done(null, Math.min(outcome, bytes.length));
    },
    after: (_ms, then) => void waiting.push(then),
  });
  const later = (): void => {
    for (const then of waiting.splice(0)) then();
  };
  return { output, taken: () => taken, later, release: () => held?.() };
}

test('a full disk, a slow reader and a write of a part lose nothing, and the line is whole once it can be written', () => {
  const { output, taken, later } = outputTo([4, 'ENOSPC', 'EAGAIN', 'EIO', 2]);
  output.write('first line\n');
  output.write('second\n');
  expect(taken()).toBe('firs');
  for (let i = 0; i < 3; i++) later();
  expect(taken()).toBe('first line\nsecond\n');
  expect(output.lost).toBe(0);
});

test('lines beyond the bound are dropped, counted, and told of when one can be written', () => {
  const { output, taken, later } = outputTo(['ENOSPC'], 20);
  output.write('being written\n');
  output.write('waits\n');
  output.write('waits too\n');
  for (let i = 0; i < 1000; i++) output.write('one too many\n');
  expect(output.lost).toBe(1000);
  later();
  expect(taken()).toContain('being written\n');
  expect(taken()).toContain('waits too\n');
  expect(taken()).toContain('"lost":1000');
  output.write('and on\n');
  expect(taken()).toMatch(/and on\n$/);
});

test('a reader that is gone ends the log and nothing else', async () => {
  const { output, taken } = outputTo(['EPIPE']);
  output.write('nobody\n');
  output.write('reads\n');
  expect(taken()).toBe('');
  expect(output.lost).toBe(2);
  await output.flush(60_000);
});

test('a write that the system holds up is waited for no longer than asked', async () => {
  const { output, release } = outputTo(['stuck']);
  output.write('held\n');
  await output.flush(1);
  expect(output.held).toBe(true);
  const flushed = output.flush(600_000);
  release();
  await flushed;
  expect(output.held).toBe(false);
});
