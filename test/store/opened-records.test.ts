import { expect, test, vi } from 'vitest';
import type { RecordSealer } from '../../src/seal/ports.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { OpenedRecords } from '../../src/store/opened-records.js';
import { Table } from '../../src/store/table.js';

interface Thing {
  name: string;
  inner: { list: number[] };
}

const KEY = Buffer.from('row');
const SHAPE = { type: 'thing', version: 1 };

function makeTable(remembered: number) {
  const meta = new MemoryMetaStore();
  const open = vi.fn((_type: string, _key: Uint8Array, sealed: Uint8Array) => Buffer.from(sealed));
  const openMany: RecordSealer['openMany'] = (type, rows) => rows.map(({ key, value }) => open(type, key, value));
  const sealer: RecordSealer = { seal: (_type, _key, plaintext) => Buffer.from(plaintext), open, openMany };
  const table = new Table<Thing>(meta, sealer, SHAPE, remembered);
  const put = (name: string) => meta.commit({ puts: [table.put(KEY, { name, inner: { list: [1] } })] });
  return { meta, table, put, open };
}

test('a row that is read again is deciphered once, and its revision is the row’s own', async () => {
  const { table, put, open } = makeTable(10);
  await put('a');
  const first = await table.get(KEY);
  await put('a');
  const second = await table.get(KEY);
  expect(open).toHaveBeenCalledTimes(1);
  expect(second!.record).toBe(first!.record);
  expect(second!.revision.equals(first!.revision)).toBe(false);
});

test('a row that was written, removed or tampered with is never taken from memory', async () => {
  const { meta, table, put, open } = makeTable(10);
  await put('a');
  expect((await table.get(KEY))!.record.name).toBe('a');
  await put('b');
  expect((await table.get(KEY))!.record.name).toBe('b');
  await meta.commit({ dels: [KEY] });
  expect(await table.get(KEY)).toBeUndefined();
  await put('b');
  const row = (await meta.get(KEY))!;
  for (let i = 0; i < row.value.length; i++) {
    const value = Buffer.from(row.value);
    value[i]! ^= 1;
    await meta.commit({ puts: [{ key: KEY, value }] });
    const calls = open.mock.calls.length;
    await table.get(KEY).catch(() => {});
    expect(open.mock.calls.length, `byte ${i}`).toBe(calls + 1);
  }
});

test('what one request holds, no other one changes', async () => {
  const { table, put } = makeTable(10);
  await put('a');
  const { record } = (await table.get(KEY))!;
  expect(() => {
    record.name = 'b';
  }).toThrow(TypeError);
  expect(() => record.inner.list.push(2)).toThrow(TypeError);
  expect((await table.get(KEY))!.record).toEqual({ name: 'a', inner: { list: [1] } });
});

test('no more are kept than were asked for, the latest ones, and no large ones', () => {
  const records = new OpenedRecords<{ n: number }>(2);
  const sealed = Buffer.from('sealed');
  for (let n = 0; n < 3; n++) records.set(String(n), sealed, { n });
  expect(['0', '1', '2'].map((row) => records.get(row, sealed)?.n)).toEqual([undefined, 1, 2]);
  records.set('1', Buffer.from('newer'), { n: 11 });
  records.set('3', sealed, { n: 3 });
  expect(records.get('1', Buffer.from('newer'))).toEqual({ n: 11 });
  expect(records.get('2', sealed)).toBeUndefined();
  const large = Buffer.alloc(4097);
  records.set('4', large, { n: 4 });
  expect(records.get('4', large)).toBeUndefined();
});

test('a table that remembers nothing opens every time', async () => {
  const { table, put, open } = makeTable(0);
  await put('a');
  await table.get(KEY);
  await table.get(KEY);
  expect(open).toHaveBeenCalledTimes(2);
});
