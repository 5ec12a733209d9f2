import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Message } from '../../src/admin/message.js';
import { Rotation, type RotationParts } from '../../src/admin/root-key/rotation.js';
import { Secret } from '../../src/base/secret.js';
import { unwrapSseS3, wrapSseS3 } from '../../src/encryption/sse-s3.js';
import { storeKeyOf } from '../../src/encryption/store-key.js';
import { ALIAS, aliasRow } from '../../src/kms/alias-record.js';
import { KEY, keyRow } from '../../src/kms/key-record.js';
import { KeyStoreKeyFile } from '../../src/kms/key-store-key.js';
import { requireRightRootKey } from '../../src/seal/check-value.js';
import { KeyPlaces } from '../../src/seal/key-places.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { loadOrCreateRootKey, type RootKey } from '../../src/seal/root-key.js';
import { Xaes } from '../../src/seal/xaes.js';
import {
  bucketKey,
  bucketOfAccountKey,
  currentKey,
  deadKey,
  inlineBodyKey,
  intentKey,
  manifestPageKey,
  partKey,
  uploadKey,
  versionKey,
} from '../../src/store/keys.js';
import type { Commit, MetaStore } from '../../src/store/ports.js';
import { BUCKET, DEAD, INTENT, MANIFEST_PAGE, OBJECT, PART, UPLOAD } from '../../src/store/records.js';
import { marker, type Shape, Table } from '../../src/store/table.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

export async function temporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-admin-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export const id = (byte: number): Buffer => Buffer.alloc(16, byte);
export const hex = (byte: number): string => id(byte).toString('hex');

/** A row, and what `Table` must find in it whatever the root key. */
export interface Expected {
  // biome-ignore lint/suspicious/noExplicitAny: of any kind
  shape: Shape<any>;
  key: Buffer;
  record: unknown;
}

const dataKey = (byte: number): Secret => new Secret(Buffer.alloc(32, byte));

/** One row at least of every kind, `more` objects besides. @returns the sealed ones without their wraps, and the wraps' data keys */
export async function fill(meta: MetaStore, rootKey: RootKey, more = 0): Promise<Expected[]> {
  const sealer = new RootSealer(rootKey);
  await requireRightRootKey(meta, sealer);
  const storeKey = new Xaes(storeKeyOf(rootKey));
  const wrap = (object: number) =>
    wrapSseS3(storeKey, { bucketId: id(1), objectId: id(object) }, dataKey(object & 0xff));
  const object = (number: number) => ({
    objectId: hex(number),
    versionId: 'null',
    content: { size: 3, metadata: { __proto__x: 'ü', 7: 'seven' }, encryption: wrap(number) },
  });
  const rows: Expected[] = [
    { shape: BUCKET, key: bucketKey('b'), record: { bucketId: hex(1), name: 'b' } },
    { shape: OBJECT, key: currentKey(id(1), 'a\0b'), record: object(2) },
    { shape: OBJECT, key: currentKey(id(1), 'marker'), record: { objectId: hex(3), deleteMarker: true } },
    { shape: OBJECT, key: versionKey(id(1), 'marker', 1), record: object(4) },
    {
      shape: OBJECT,
      key: currentKey(id(1), 'sse-c'),
      record: { objectId: hex(5), content: { encryption: { mode: 'SSE-C', dataKey: 'x' } } },
    },
    {
      shape: UPLOAD,
      key: uploadKey(id(1), 'u', Buffer.alloc(24, 6)),
      record: { objectId: hex(6), encryption: wrap(6) },
    },
    { shape: PART, key: partKey(Buffer.alloc(24, 6), 1), record: { partNumber: 1 } },
    { shape: MANIFEST_PAGE, key: manifestPageKey(id(2), 0), record: [{ partNumber: 1 }] },
    { shape: INTENT, key: intentKey(id(9), id(8)), record: { partId: hex(8), mark: 1 } },
    { shape: DEAD, key: deadKey(1, id(7)), record: { manifest: { objectId: hex(7), pages: 1 } } },
    { shape: KEY, key: keyRow('000000000000', 'k'), record: { keyId: 'k' } },
    { shape: ALIAS, key: aliasRow('000000000000', 'alias/a'), record: { name: 'alias/a' } },
  ];
  for (let i = 0; i < more; i++) {
    rows.push({
      shape: OBJECT,
      key: currentKey(id(1), `more/${String(i).padStart(6, '0')}`),
      record: object(10 + (i % 200)),
    });
  }
  for (let i = 0; i < rows.length; i += 200) {
    const puts = rows
      .slice(i, i + 200)
      .map(({ shape, key, record }) => new Table(meta, sealer, shape).put(key, record));
    await meta.commit({ puts });
  }
  await meta.commit({
    puts: [
      marker(bucketOfAccountKey('000000000000', 'b')),
      { key: inlineBodyKey(id(2), id(2)), value: Buffer.from('ciphertext, whatever it begins with') },
    ],
  });
  return rows;
}

/** Everything as it was put, and every wrap opens to its data key, under this root key. @returns how many rows were looked at */
export async function requireAll(meta: MetaStore, rootKey: RootKey, rows: Expected[]): Promise<number> {
  const sealer = new RootSealer(rootKey);
  await requireRightRootKey(meta, sealer);
  const storeKey = new Xaes(storeKeyOf(rootKey));
  for (const { shape, key, record } of rows) {
    const stored = await new Table(meta, sealer, shape).get(key);
    // biome-ignore lint/suspicious/noExplicitAny: of any kind
    const [found, put] = [structuredClone(stored!.record) as any, structuredClone(record) as any];
    for (const one of [found, put]) {
      const holder = one.content ?? one;
      if (holder.encryption?.mode !== 'SSE-S3') continue;
      if (one === found) {
        const objectId = Buffer.from(one.objectId, 'hex');
        const opened = unwrapSseS3(storeKey, { bucketId: id(1), objectId }, holder.encryption);
        if (!opened.expose().equals(Buffer.alloc(32, objectId[0]!))) throw new Error('another data key');
      }
      holder.encryption.dataKey = '';
    }
    if (JSON.stringify(found) !== JSON.stringify(put)) throw new Error(`row of type ${shape.type} differs`);
  }
  return rows.length;
}

export class Crash extends Error {}

/** Ends the "process" at the n-th commit, before or after it was applied. */
export class FaultyMeta implements MetaStore {
  commits = 0;
  constructor(
    private readonly inner: MetaStore,
    private readonly crashAt: number,
    private readonly applied: boolean,
  ) {}
  readonly shared = false;
  get: MetaStore['get'] = (key) => this.inner.get(key);
  getMany: MetaStore['getMany'] = (keys) => this.inner.getMany(keys);
  range: MetaStore['range'] = (query) => this.inner.range(query);
  cursor: MetaStore['cursor'] = (range) => this.inner.cursor(range);
  close = () => this.inner.close();
  async commit(commit: Commit): Promise<boolean> {
    const crashes = ++this.commits === this.crashAt;
    if (crashes && !this.applied) throw new Crash();
    const done = await this.inner.commit(commit);
    if (crashes) throw new Crash();
    return done;
  }
}

/** Config home of one store, with a root key file and a key-store file. */
export async function home(): Promise<{ dir: string; places: KeyPlaces; from: RootKey; keyStoreKey: Buffer }> {
  const dir = await temporary();
  const places = new KeyPlaces(dir, 'store');
  const from = await loadOrCreateRootKey({ file: places.rootKeyFile });
  const file = new KeyStoreKeyFile(places.keyStoreFile({ file: places.rootKeyFile }), from);
  const keyStoreKey = Buffer.from((await file.load(true)).expose());
  return { dir, places, from, keyStoreKey };
}

export async function drain(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

export const rotation = (parts: Omit<RotationParts, 'compactMeta'> & Partial<RotationParts>): Rotation =>
  new Rotation({ compactMeta: async () => {}, ...parts });

export const textOf = (path: string): Promise<string> => readFile(path, 'utf8');
