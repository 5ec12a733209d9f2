import { open as openFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { storeVerify } from '../../src/admin/commands/store-verify.js';
import type { Message } from '../../src/admin/message.js';
import type { DataContext } from '../../src/admin/ports.js';
import type { BlobStore } from '../../src/store/ports.js';
import { temporaryDirectory } from '../store/harness.js';
import { open, segmentsOf, store } from '../store/value-log/harness.js';

async function verify(blobs: Partial<BlobStore>): Promise<Message[]> {
  const context = { data: { services: { blobs } }, caller: undefined } as unknown as DataContext;
  const messages: Message[] = [];
  for await (const message of storeVerify.run({}, context)) messages.push(message);
  return messages;
}

test('store verify reads every run in a segment and finds the one that was changed', async () => {
  const directory = await temporaryDirectory();
  const opened = await open(directory);
  const [first] = [await store(opened), await store(opened)];
  await opened.blobs.put(Buffer.alloc(16), [Buffer.alloc(10)], 0);
  expect(await verify(opened.blobs)).toEqual([
    { type: 'line', text: 'verified  2 runs, 0 damaged', data: { runs: 2, damaged: 0 } },
  ]);
  const [segment] = await segmentsOf(directory);
  const file = await openFile(segment!, 'r+');
  await file.write(Buffer.alloc(64), 0, 64, 50_000);
  await file.close();
  expect(await verify(opened.blobs)).toEqual([
    { type: 'finding', text: expect.stringContaining(`${segment}: run ${first.run.first} at byte 4096 is damaged`) },
    { type: 'line', text: 'verified  2 runs, 1 damaged', data: { runs: 2, damaged: 1 } },
  ]);
  expect(await verify({})).toMatchObject([{ text: 'verified  0 runs, 0 damaged' }]);
});
