import { describe, expect, test } from 'vitest';
import { type Holding, SLOT_BYTES, Slots } from '../../src/bodies/slots.js';

/** Takes all it may get, and keeps what was granted later. */
function body(slots: Slots, kind: 'answers' | 'uploads' = 'answers') {
  const got: number[] = [];
  const told: string[] = [];
  const holding: Holding = slots[kind].hold({
    onSlot: (slot) => got.push(slot),
    onPressed: () => told.push('pressed'),
    onStalled: () => told.push('stalled'),
  });
  const take = (): void => {
    for (let slot = holding.take(); slot !== undefined; slot = holding.take()) got.push(slot);
  };
  return { holding, got, told, take, give: () => holding.give(got.shift()!) };
}

const slotsOf = (count: number, nowMs?: () => number) => new Slots(count * SLOT_BYTES, nowMs);

describe('slots', () => {
  test('are views of one shared memory that do not overlap', () => {
    const slots = slotsOf(5);
    for (let i = 0; i < 5; i++) slots.view(i).fill(i + 1);
    for (let i = 0; i < 5; i++) expect(slots.view(i).every((byte) => byte === i + 1)).toBe(true);
    expect(slots.view(0).buffer).toBe(slots.memory);
  });

  test('one body holds few, however many are free; with many bodies each holds one', () => {
    const slots = slotsOf(16);
    const [first, ...others] = Array.from({ length: 12 }, () => body(slots));
    for (const other of others) other.holding.close();
    first!.take();
    expect(first!.got).toHaveLength(4);
    const many = Array.from({ length: 11 }, () => body(slots));
    for (const one of many) one.take();
    // Twelve for answers at most, four of them with the first.
    expect(many.map((one) => one.got.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
    for (let i = 0; i < 3; i++) first!.give();
    expect(many.every((one) => one.got.length === 1)).toBe(true);
  });

  test('whoever waits longest is served first, and who has its slots waits behind it', () => {
    const slots = slotsOf(4);
    const [a, b, c] = [body(slots), body(slots), body(slots)];
    for (const one of [a, b, c, a, b]) one.take();
    expect([a, b, c].map((one) => one.got.length)).toEqual([1, 1, 1]);
    const d = body(slots);
    d.take();
    const e = body(slots);
    e.take();
    b.give();
    b.take();
    expect([b, d, e].map((one) => one.got.length)).toEqual([0, 1, 0]);
    c.give();
    expect([b, d, e].map((one) => one.got.length)).toEqual([0, 1, 1]);
    a.give();
    expect(b.got).toHaveLength(1);
  });

  test('answers leave some to uploads, and uploads to answers', () => {
    const slots = slotsOf(8);
    const answers = Array.from({ length: 8 }, () => body(slots));
    for (const one of answers) one.take();
    expect(slots.free).toBe(2);
    const upload = body(slots, 'uploads');
    upload.take();
    expect(upload.got).toHaveLength(2);
  });

  test('what a closed body still holds comes back, and it gets nothing any more', () => {
    const slots = slotsOf(4);
    const [a, b] = [body(slots), body(slots)];
    a.take();
    b.take();
    const waiting = Array.from({ length: 3 }, () => body(slots));
    for (const one of waiting) one.take();
    a.holding.close();
    for (const one of waiting) one.holding.close();
    while (a.got.length > 0) a.give();
    while (b.got.length > 0) b.give();
    for (const one of waiting) while (one.got.length > 0) one.give();
    expect(slots.free).toBe(4);
    expect(a.holding.take()).toBeUndefined();
    expect(a.got).toEqual([]);
  });

  test('where others wait, bodies are told, and one that moves nothing is ended after ten seconds', () => {
    let nowMs = 0;
    const slots = slotsOf(4, () => nowMs);
    const [stalled, moving] = [body(slots), body(slots)];
    for (let i = 0; i < 2; i++)
      for (const one of [stalled, moving]) one.got.push(...[one.holding.take()].filter((slot) => slot !== undefined));
    const waiting = body(slots);
    nowMs = 9_000;
    moving.give();
    moving.take();
    waiting.take();
    const last = body(slots);
    last.take();
    expect(stalled.told).toContain('pressed');
    nowMs = 10_500;
    slots.answers.look();
    expect(stalled.told).not.toContain('stalled');
    nowMs = 19_500;
    moving.holding.movedMs = nowMs;
    slots.answers.look();
    expect(stalled.told).toContain('stalled');
    expect(moving.told).not.toContain('stalled');
    for (const one of [stalled, moving, waiting, last]) one.holding.close();
  });
});
