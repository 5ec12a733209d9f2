import { appendFile, cp, readFile, rename, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { error, flipBit, OWNER, temporaryDirectory } from '../harness.js';
import { expectWhole, holds, open, type Stored, segmentsOf, store } from './harness.js';

/** Two segments: six bodies, closed in order or as after a crash. */
async function written(how: 'closed' | 'killed'): Promise<{ directory: string; stored: Stored[]; segments: string[] }> {
  const made = await temporaryDirectory();
  const opened = await open(made);
  const stored: Stored[] = [];
  for (let i = 0; i < 6; i++) stored.push(await store(opened));
  const directory = await temporaryDirectory();
  if (how === 'killed') await cp(made, directory, { recursive: true });
  await opened.close();
  if (how === 'closed') await cp(made, directory, { recursive: true });
  return { directory, stored, segments: await segmentsOf(directory) };
}

test('a segment or the list that is missing, short or damaged at its head stops every start and is named', async () => {
  const { directory, stored, segments } = await written('closed');
  const list = join(directory, 'segments', 'list');
  const [first, second] = segments as [string, string];
  const damages: [string, string, () => Promise<unknown>][] = [
    ['is missing', first, () => unlink(first)],
    ['is missing', second, () => unlink(second)],
    ['were written', first, () => truncate(first, 700_000)],
    ['were written', second, () => truncate(second, 100)],
    ['damaged header', first, () => flipBit(first, 10)],
    ['damaged header', second, () => flipBit(second, 30)],
    ['damaged header', first, () => rename(second, first).then(() => cp(first, second))],
    ['is missing', list, () => unlink(list)],
    ['is damaged', list, () => truncate(list, 20)],
    ['is damaged', list, () => appendFile(list, 'x')],
  ];
  for (const [what, path, damage] of damages) {
    const before = await Promise.all([first, second, list].map((file) => readFile(file)));
    await damage();
    for (let i = 0; i < 2; i++) {
      await expect(open(directory), `${what}: ${path}`).rejects.toThrow(error('StoreDamaged', path));
      await expect(open(directory)).rejects.toThrow(error('StoreDamaged', what));
    }
    for (const [i, file] of [first, second, list].entries()) await writeFile(file, before[i]!);
  }
  const opened = await open(directory);
  await expectWhole(opened, stored);
});

test('after a crash a changed byte in the segment that was written is named, wherever it is, and all else is served', async () => {
  const { directory, stored, segments } = await written('killed');
  // Header and payload of the last frame but one: the first of this segment.
  for (const offset of [4096, 4096 + 20, 4096 + 50, 4096 + 66, 5000, 300_000]) {
    const copy = await temporaryDirectory();
    await cp(directory, copy, { recursive: true });
    const [, second] = await segmentsOf(copy);
    await flipBit(second!, offset);
    const troubles: string[] = [];
    const opened = await open(copy, { onTrouble: (message) => void troubles.push(message) });
    await expect.poll(() => troubles).toHaveLength(1);
    expect(troubles[0]).toContain(second!);
    await expectOnly(opened, stored, 4, offset);
    await opened.close();
  }
  expect(segments).toHaveLength(2);
});

/** All but one are whole; verification names one, unless the damage lies in filler. */
async function expectOnly(opened: Awaited<ReturnType<typeof open>>, stored: Stored[], bad: number, offset: number) {
  for (const [i, one] of stored.entries()) {
    // The header is not needed to read.
    const expected = i !== bad || offset < 5000;
    expect(await holds(opened, one), `run ${i}`).toBe(expected);
  }
  const found: string[] = [];
  for await (const damage of opened.blobs.verify!()) if (damage !== undefined) found.push(damage);
  expect(found).toEqual([expect.stringContaining(`run ${stored[bad]!.run.first} at byte`)]);
}

test.each([
  ['payload', 100_000],
  ['header', 4096 + 50],
])('a segment with a damaged %s is named and kept, never emptied of what can still be read', async (_, offset) => {
  const { directory, stored, segments } = await written('closed');
  await flipBit(segments[0]!, offset);
  const troubles: string[] = [];
  const opened = await open(directory, {
    onTrouble: (message) => void troubles.push(message),
    reclaim: { enabled: true, pauseMs: 1 },
  });
  const dropped = stored.slice(1, 4);
  await opened.blobs.delete(
    OWNER,
    dropped.map(({ run }) => run),
  );
  await expect.poll(() => troubles).toEqual([expect.stringContaining(segments[0]!)]);
  expect(await segmentsOf(directory)).toContain(segments[0]);
  expect(await holds(opened, stored[0]!)).toBe(offset < 90_000);
  expect(await holds(opened, stored[4]!)).toBe(true);
});
