import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rootKeyRotate } from '../../src/admin/commands/root-key-rotate.js';
import { findKeys } from '../../src/admin/root-key/find-keys.js';
import { nextOf, oldOf, putInPlace, takeBack } from '../../src/admin/root-key/place.js';
import { RECORD_KINDS } from '../../src/admin/root-key/record-kinds.js';
import type { RotationStep } from '../../src/admin/root-key/steps.js';
import { Secret } from '../../src/base/secret.js';
import { KeyStoreKeyFile } from '../../src/kms/key-store-key.js';
import { CHECK_VALUE_KEY, requireRightRootKey } from '../../src/seal/check-value.js';
import { KeyPlaces } from '../../src/seal/key-places.js';
import { RootSealer, rootKeyIdOf } from '../../src/seal/record-sealer.js';
import { loadOrCreateRootKey, RootKey } from '../../src/seal/root-key.js';
import { ROTATION_MARK_KEY, RotationMark, requireNoRotation } from '../../src/seal/rotation-mark.js';
import { StoreDamaged } from '../../src/store/errors.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { MetaStore } from '../../src/store/ports.js';
import { Crash, drain, FaultyMeta, fill, home, requireAll, rotation, temporary, textOf } from './harness.js';

const everything = { gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 100_000 };

/** Values that begin as one that was sealed under this key does. */
async function sealedUnder(meta: MetaStore, key: RootKey): Promise<number> {
  const rows = await meta.range(everything);
  return rows.filter(({ value }) => value.includes(Buffer.concat([Buffer.of(1), key.id]))).length;
}

async function begin(meta: MetaStore, parts: Awaited<ReturnType<typeof home>>, target?: string) {
  const { places, from } = parts;
  const file = target ?? places.rootKeyFile;
  const to = await loadOrCreateRootKey({ file: nextOf(file) });
  const plan = { from: { file: places.rootKeyFile }, to: { file } };
  return { to, plan, messages: () => rotation({ meta, places, plan, from, to }).begin() };
}

describe('a rotation', () => {
  test('seals every row and wrap anew, replaces the key file, and leaves nothing under the old key', async () => {
    const meta = new MemoryMetaStore();
    const parts = await home();
    const rows = await fill(meta, parts.from, 700);
    const inline = await meta.range({ gte: Buffer.from('i/'), lt: Buffer.from('i0'), limit: 10 });
    const old = await textOf(parts.places.rootKeyFile);
    const { to, messages } = await begin(meta, parts);
    const told = await drain(messages());
    expect(await requireAll(meta, to, rows)).toBe(712);
    expect(await sealedUnder(meta, parts.from)).toBe(0);
    expect(await meta.get(ROTATION_MARK_KEY)).toBeUndefined();
    expect(await meta.range({ gte: Buffer.from('i/'), lt: Buffer.from('i0'), limit: 10 })).toEqual(inline);
    await expect(requireRightRootKey(meta, new RootSealer(parts.from))).rejects.toThrow(/wrong root key/);
    const file = parts.places.rootKeyFile;
    expect((await loadOrCreateRootKey({ file, create: false })).id).toEqual(to.id);
    expect(await textOf(oldOf(file, parts.from.id))).toBe(old);
    const keyStore = new KeyStoreKeyFile(`${file}.keystore`, to);
    expect((await keyStore.load(false)).expose()).toEqual(parts.keyStoreKey);
    const progress = told.filter((one) => one.type === 'progress');
    expect(progress.filter((one) => one.task === 're-sealing').at(-1)).toMatchObject({ done: 712, total: 712 });
    const [, key, , secret] = old.split(/\s/);
    for (const base64 of [key!, secret!]) expect(JSON.stringify(told)).not.toContain(base64);
  });

  test('that is ended at any commit, applied or not, is refused by a start and taken up to the end', async () => {
    let ended = 0;
    for (let crashAt = 1; ; crashAt++) {
      for (const applied of [false, true]) {
        const meta = new MemoryMetaStore();
        const parts = await home();
        const rows = await fill(meta, parts.from, 300);
        const faulty = new FaultyMeta(meta, crashAt, applied);
        const { messages } = await begin(faulty, parts);
        const outcome = await drain(messages()).then(
          () => 'done',
          (error) => error,
        );
        if (outcome === 'done') {
          // Beyond the last commit: mark, the commits of the rows, check value, end of the mark.
          expect(faulty.commits).toBe(crashAt - 1);
          expect(ended).toBe((crashAt - 1) * 2);
          expect(crashAt).toBeGreaterThan(12);
          return;
        }
        expect(outcome).toBeInstanceOf(Crash);
        ended++;
        const row = await meta.get(ROTATION_MARK_KEY);
        const file = parts.places.rootKeyFile;
        if (!row) {
          // Before it had begun, or at its very end: one key opens everything, and it is the one in the file.
          await requireAll(meta, await loadOrCreateRootKey({ file, create: false }), rows);
          continue;
        }
        await expect(requireNoRotation(meta)).rejects.toThrow(/run `coffer root-key rotate --resume`/);
        const found = await findKeys(RotationMark.decode(row.value), {
          keyFiles: [file],
          saltFiles: [],
          passphrases: [],
        });
        await drain(rotation({ meta, places: parts.places, ...found }).carryOn());
        const now = await loadOrCreateRootKey({ file, create: false });
        expect(now.id).toEqual(found.to.id);
        await requireAll(meta, now, rows);
        expect(await sealedUnder(meta, parts.from)).toBe(0);
        expect(await requireNoRotation(meta)).toBeUndefined();
      }
    }
  });

  test('that fails at every third commit comes to its end all the same', async () => {
    const meta = new MemoryMetaStore();
    const parts = await home();
    const rows = await fill(meta, parts.from, 1500);
    const { messages } = await begin(new FaultyMeta(meta, 3, true), parts);
    await expect(drain(messages())).rejects.toBeInstanceOf(Crash);
    let rounds = 0;
    for (let row = await meta.get(ROTATION_MARK_KEY); row; row = await meta.get(ROTATION_MARK_KEY)) {
      const sources = { keyFiles: [parts.places.rootKeyFile], saltFiles: [], passphrases: [] };
      const found = await findKeys(RotationMark.decode(row.value), sources);
      await drain(rotation({ meta: new FaultyMeta(meta, 3, false), places: parts.places, ...found }).carryOn()).catch(
        (error) => expect(error).toBeInstanceOf(Crash),
      );
      rounds++;
    }
    expect(rounds).toBeGreaterThan(3);
    await requireAll(meta, await loadOrCreateRootKey({ file: parts.places.rootKeyFile, create: false }), rows);
  });

  test('begins nothing where a row is damaged, moved, of an unknown kind or under a third key', async () => {
    const other = new RootSealer(new RootKey(new Secret(Buffer.alloc(32, 9))));
    const spoils: ((meta: MetaStore, from: RootKey) => Promise<{ key: Buffer; value: Buffer }>)[] = [
      async (meta) => {
        const { key, value } = (await meta.range({ gte: Buffer.from('d/'), lt: Buffer.from('d0'), limit: 1 }))[0]!;
        const changed = Buffer.from(value);
        changed[40]! ^= 1;
        return { key, value: changed };
      },
      async (meta) => {
        const [one] = await meta.range({ gte: Buffer.from('c/'), lt: Buffer.from('c0'), limit: 1 });
        return { key: Buffer.from('c/0123456789abcdefelsewhere\0\0'), value: one!.value };
      },
      async () => ({ key: Buffer.from('zz/new'), value: Buffer.from('x') }),
      async () => ({ key: Buffer.from('k/z/new'), value: Buffer.from('x') }),
      async () => ({ key: Buffer.from('d/x'), value: other.seal('dead', Buffer.from('d/x'), Buffer.from('\x01{}')) }),
      // A wrap of another object: the record opens, the wrap in it doesn't.
      async (_, from) => {
        const key = Buffer.from('c/0123456789abcdefmoved\0\0');
        const wrap = { mode: 'SSE-S3', dataKey: Buffer.alloc(72).toString('base64') };
        const json = JSON.stringify({ objectId: '00'.repeat(16), content: { encryption: wrap } });
        return { key, value: new RootSealer(from).seal('object', key, Buffer.from(`\x01${json}`)) };
      },
    ];
    for (const spoil of spoils) {
      const meta = new MemoryMetaStore();
      const parts = await home();
      await fill(meta, parts.from);
      await meta.commit({ puts: [await spoil(meta, parts.from)] });
      const before = await meta.range(everything);
      const { messages } = await begin(meta, parts);
      await expect(drain(messages())).rejects.toMatchObject({ name: 'StoreDamaged' });
      expect(await meta.range(everything)).toEqual(before);
      expect((await loadOrCreateRootKey({ file: parts.places.rootKeyFile, create: false })).id).toEqual(parts.from.id);
    }
    expect(spoils).toHaveLength(6);
  });

  test('begins nothing where the key-store file is damaged or a step says that it would fail', async () => {
    for (const spoil of ['file', 'step'] as const) {
      const meta = new MemoryMetaStore();
      const parts = await home();
      await fill(meta, parts.from);
      const before = await meta.range(everything);
      if (spoil === 'file') {
        const path = `${parts.places.rootKeyFile}.keystore`;
        await writeFile(
          path,
          (await textOf(path)).replace(/.(?=.{8}\n)/, (one) => (one === 'A' ? 'B' : 'A')),
        );
      }
      const { to, plan } = await begin(meta, parts);
      const prepare = async () => Promise.reject(new StoreDamaged('the log is cut'));
      const steps = spoil === 'file' ? {} : { steps: [{ prepare, run: async function* () {} }] };
      const { places, from } = parts;
      const failing = rotation({ meta, places, plan, from, to, ...steps });
      await expect(drain(failing.begin())).rejects.toMatchObject({ name: 'StoreDamaged' });
      expect(await meta.range(everything)).toEqual(before);
    }
  });

  test('calls a step again until it has come to its end', async () => {
    const meta = new MemoryMetaStore();
    const parts = await home();
    const rows = await fill(meta, parts.from);
    const { to, plan } = await begin(meta, parts);
    let calls = 0;
    const step: RotationStep = {
      async *run({ from, to: fresh }) {
        expect([from.id, fresh.id]).toEqual([parts.from.id, to.id]);
        expect(await sealedUnder(meta, from)).toBe(2); // check value and mark
        if (++calls < 3) throw new Crash();
        yield { type: 'line', text: 'step' };
      },
    };
    const { places, from } = parts;
    const one = () => rotation({ meta, places, plan, from, to, steps: [step] });
    await expect(drain(one().begin())).rejects.toBeInstanceOf(Crash);
    await expect(drain(one().carryOn())).rejects.toBeInstanceOf(Crash);
    expect(await drain(one().carryOn())).toContainEqual({ type: 'line', text: 'step' });
    expect(calls).toBe(3);
    await requireAll(meta, to, rows);
  });

  test('is taken back where the new key file can not get its name', async () => {
    const meta = new MemoryMetaStore();
    const parts = await home();
    const rows = await fill(meta, parts.from);
    const target = join(parts.dir, 'taken.key');
    const { messages } = await begin(meta, parts, target);
    // A directory that isn't empty is never replaced by a file.
    await mkdir(join(target, 'in-the-way'), { recursive: true });
    await expect(drain(messages())).rejects.toMatchObject({ name: 'RootKeyError' });
    expect(await requireNoRotation(meta)).toBeUndefined();
    await requireAll(meta, parts.from, rows);
    expect(await readdir(parts.dir)).not.toContain('taken.key.next');
  });

  test('to another path leaves the old key file where it is and takes the key-store file along', async () => {
    const meta = new MemoryMetaStore();
    const parts = await home();
    const rows = await fill(meta, parts.from);
    const target = join(parts.dir, 'other.key');
    const { to, messages } = await begin(meta, parts, target);
    await drain(messages());
    await requireAll(meta, to, rows);
    expect((await readdir(parts.dir)).sort()).toEqual([
      'other.key',
      'other.key.audit',
      'other.key.keystore',
      'store.key',
    ]);
  });

  test('takes both key-store keys along where the replacement of one has not ended', async () => {
    const meta = new MemoryMetaStore();
    const parts = await home();
    await fill(meta, parts.from);
    const path = `${parts.places.rootKeyFile}.keystore`;
    const file = new KeyStoreKeyFile(path, parts.from);
    const newer = await file.begin(await file.load(false));
    const { to, messages } = await begin(meta, parts);
    await drain(messages());
    const moved = new KeyStoreKeyFile(path, to);
    expect((await moved.load(false)).expose()).toEqual(newer.expose());
    expect(moved.previous!.expose()).toEqual(parts.keyStoreKey);
  });

  /** Ends after the root key file got both secrets, or after the key-store file was sealed under the new one too. */
  test.each([
    ['before the key-store file is sealed', false],
    ['after it', true],
  ])(
    'opens the key-store file where the replacement of the destruction secret was interrupted %s',
    async (_, sealed) => {
      const meta = new MemoryMetaStore();
      const parts = await home();
      await fill(meta, parts.from);
      const file = parts.places.rootKeyFile;
      const path = `${file}.keystore`;
      const old = new KeyStoreKeyFile(path, parts.from);
      const keyStoreKey = await old.load(false);
      const dies = async () => {
        if (sealed) await old.replace(keyStoreKey);
        throw new Error('dead');
      };
      await expect(parts.from.destruction!.replace(dies)).rejects.toThrow('dead');
      expect((await textOf(file)).trim().split('\n')).toHaveLength(3);
      const from = await loadOrCreateRootKey({ file, create: false });
      const { to, plan } = await begin(meta, { ...parts, from });
      // Every commit is one more moment to die at; the files are found again by whoever takes it up.
      let crashes = 0;
      const start = { places: parts.places, plan, from, to };
      for (let at = 1; at < 4; at++) {
        const faulty = { ...start, meta: new FaultyMeta(meta, at, true) };
        const run = (await meta.get(ROTATION_MARK_KEY)) ? rotation(faulty).carryOn() : rotation(faulty).begin();
        await drain(run).catch((error) => {
          expect(error).toBeInstanceOf(Crash);
          crashes++;
        });
        if (!(await meta.get(ROTATION_MARK_KEY))) break;
        const mark = RotationMark.decode((await meta.get(ROTATION_MARK_KEY))!.value);
        await findKeys(mark, { keyFiles: [file], saltFiles: [], passphrases: [] });
      }
      expect(crashes).toBeGreaterThan(0);
      const mark = await meta.get(ROTATION_MARK_KEY);
      if (mark) {
        const sources = { keyFiles: [file], saltFiles: [], passphrases: [] };
        const found = await findKeys(RotationMark.decode(mark.value), sources);
        await drain(rotation({ meta, places: parts.places, ...found }).carryOn());
      }
      const now = await loadOrCreateRootKey({ file, create: false });
      expect([now.id, now.destruction!.all.length]).toEqual([to.id, 1]);
      expect((await new KeyStoreKeyFile(path, now).load(false)).expose()).toEqual(parts.keyStoreKey);
    },
  );

  test('and a destruction go in any order: of before, no key-store file opens with today’s root key file', async () => {
    const meta = new MemoryMetaStore();
    const parts = await home();
    await fill(meta, parts.from);
    const file = parts.places.rootKeyFile;
    const path = `${file}.keystore`;
    const copies = [await textOf(path)];
    const destroy = async () => {
      const rootKey = await loadOrCreateRootKey({ file, create: false });
      const keyStore = new KeyStoreKeyFile(path, rootKey);
      const key = await keyStore.load(false);
      const newer = await keyStore.begin(key);
      copies.push(await textOf(path));
      expect(await rootKey.destruction!.replace(() => keyStore.replace(newer))).toBeUndefined();
      copies.push(await textOf(path));
    };
    const rotate = async () => {
      const from = await loadOrCreateRootKey({ file, create: false });
      await drain((await begin(meta, { ...parts, from })).messages());
      copies.push(await textOf(path));
    };
    for (const step of [destroy, rotate, destroy, rotate, rotate, destroy]) await step();
    expect(copies).toHaveLength(10);
    const today = copies.pop()!;
    const rootKey = await loadOrCreateRootKey({ file, create: false });
    for (const copy of copies) {
      await writeFile(path, copy);
      await expect(new KeyStoreKeyFile(path, rootKey).load(false)).rejects.toThrow(/belongs to another root key/);
    }
    await writeFile(path, today);
    expect((await new KeyStoreKeyFile(path, rootKey).load(false)).length).toBe(32);
  });

  test('hands a chained kind the row before, also where it is taken up', async () => {
    const seen: string[] = [];
    const chained = RECORD_KINDS.map((kind) =>
      kind.type !== 'dead'
        ? kind
        : {
            ...kind,
            rekey:
              () =>
              (plaintext: Buffer, { previous }: { previous: Buffer | undefined }) => {
                const own = plaintext.toString().slice(0, 2);
                seen.push(`${own}<${previous?.toString() ?? ''}`);
                return Buffer.from(`${own}${previous?.length ?? 0}`);
              },
          },
    );
    const meta = new MemoryMetaStore();
    const parts = await home();
    await requireRightRootKey(meta, new RootSealer(parts.from));
    const sealer = new RootSealer(parts.from);
    const key = (i: number) => Buffer.from(`d/${String(i).padStart(4, '0')}`);
    for (let i = 0; i < 500; i++) {
      await meta.commit({ puts: [{ key: key(i), value: sealer.seal('dead', key(i), Buffer.from('p-')) }] });
    }
    const { to, plan } = await begin(meta, parts);
    const start = { places: parts.places, plan, from: parts.from, to, kinds: chained };
    await expect(drain(rotation({ ...start, meta: new FaultyMeta(meta, 3, true) }).begin())).rejects.toBeInstanceOf(
      Crash,
    );
    seen.length = 0;
    await drain(rotation({ ...start, meta }).carryOn());
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(500);
    expect(seen.every((one) => one === 'p-<p-3' || one === 'p-<p-0')).toBe(true);
    const last = await meta.get(key(499));
    expect(new RootSealer(to).open('dead', key(499), last!.value).toString()).toBe('p-3');
  });
});

describe('the mark of a rotation', () => {
  const keyOf = (byte: number) => new RootKey(new Secret(Buffer.alloc(32, byte)));
  const plan = { from: { file: '/old' }, to: { saltFile: '/salt' } };

  test('FMT-ROT-1: opens with either key, with no other one, and not where a byte was changed', () => {
    const [from, to] = [keyOf(1), keyOf(2)];
    const value = RotationMark.encode(from, to, plan);
    const mark = RotationMark.decode(value);
    expect(mark.open(from)).toEqual(plan);
    expect(mark.open(to)).toEqual(plan);
    expect(() => mark.open(keyOf(3))).toThrow(/another root key/);
    let refused = 0;
    for (let i = 0; i < value.length; i++) {
      const changed = Buffer.from(value);
      changed[i]! ^= 1;
      expect(() => {
        const spoilt = RotationMark.decode(changed);
        spoilt.open(from);
        spoilt.open(to);
      }).toThrow();
      refused++;
    }
    expect(refused).toBe(value.length);
    const settled = RotationMark.decode(mark.settled());
    expect(settled.isSettled).toBe(true);
    expect(settled.open(to)).toEqual(plan);
    expect(mark.settled().includes(Buffer.concat([Buffer.of(1), from.id]))).toBe(false);
    expect(rootKeyIdOf(value)).toEqual(to.id);
  });

  test('FMT-ROT-1: that someone without the old key wrote does not make a key of theirs the root key', async () => {
    const { dir, places, from } = await home();
    const theirs = await loadOrCreateRootKey({ file: join(dir, 'theirs.key') });
    const forged = RotationMark.encode(keyOf(7), theirs, {
      from: { file: places.rootKeyFile },
      to: { file: join(dir, 'theirs.key') },
    });
    from.id.copy(forged, 5);
    const sources = { keyFiles: [places.rootKeyFile, join(dir, 'theirs.key')], saltFiles: [], passphrases: [] };
    await expect(findKeys(RotationMark.decode(forged), sources)).rejects.toMatchObject({ name: 'StoreDamaged' });
    await expect(
      findKeys(RotationMark.decode(forged), { ...sources, keyFiles: [places.rootKeyFile] }),
    ).rejects.toThrow();
  });

  test('with a key missing says which one', async () => {
    const { dir, places, from } = await home();
    const to = keyOf(2);
    const value = RotationMark.encode(from, to, {
      from: { file: places.rootKeyFile },
      to: { file: join(dir, 'gone') },
    });
    const sources = { keyFiles: [places.rootKeyFile], saltFiles: [], passphrases: [] };
    await expect(findKeys(RotationMark.decode(value), sources)).rejects.toThrow(/the new root key is not there.*gone/);
    await expect(findKeys(RotationMark.decode(value), { ...sources, keyFiles: [] })).rejects.toThrow(/neither/);
  });
});

describe('a rotation to a passphrase that was interrupted', () => {
  const secret = (text: string) => new Secret(Buffer.from(text));
  const passphrase = (text: string, saltFile: string) =>
    loadOrCreateRootKey({ passphrase: secret(text), saltFile, create: true });

  test('from a passphrase is taken up whichever of the two settings name, with the salts found by their new names', async () => {
    const dir = await temporary();
    const places = new KeyPlaces(dir, 'store');
    const from = await passphrase('old words', places.saltFile);
    const meta = new MemoryMetaStore();
    const rows = await fill(meta, from, 300);
    const to = await passphrase('new words', nextOf(places.saltFile));
    const place = { saltFile: places.saltFile };
    const parts = { places, plan: { from: place, to: place }, from, to };
    await expect(drain(rotation({ ...parts, meta: new FaultyMeta(meta, 4, true) }).begin())).rejects.toBeInstanceOf(
      Crash,
    );
    const mark = RotationMark.decode((await meta.get(ROTATION_MARK_KEY))!.value);
    const sources = { keyFiles: [], saltFiles: [places.saltFile] };
    await expect(findKeys(mark, { ...sources, passphrases: [secret('old words')] })).rejects.toThrow(
      /new root key is not there/,
    );
    await expect(findKeys(mark, { ...sources, passphrases: [secret('wrong')] })).rejects.toThrow(/neither/);
    const found = await findKeys(mark, { ...sources, passphrases: [secret('new words'), secret('old words')] });
    await drain(rotation({ meta, places, ...found }).carryOn());
    await requireAll(meta, await passphrase('new words', places.saltFile), rows);
  }, 60_000);

  test('from a file is taken up where settings name the new passphrase alone', async () => {
    const { places, from } = await home();
    const meta = new MemoryMetaStore();
    const rows = await fill(meta, from, 300);
    const to = await passphrase('new words', nextOf(places.saltFile));
    const plan = { from: { file: places.rootKeyFile }, to: { saltFile: places.saltFile } };
    const parts = { places, plan, from, to };
    await expect(drain(rotation({ ...parts, meta: new FaultyMeta(meta, 4, true) }).begin())).rejects.toBeInstanceOf(
      Crash,
    );
    const mark = RotationMark.decode((await meta.get(ROTATION_MARK_KEY))!.value);
    const sources = { keyFiles: [], saltFiles: [places.saltFile], passphrases: [secret('new words')] };
    await drain(rotation({ meta, places, ...(await findKeys(mark, sources)) }).carryOn());
    await requireAll(meta, to, rows);
    expect((await readdir(places.saltFile.replace(/[^/]*$/, ''))).sort()).toEqual([
      'store.audit',
      'store.key',
      'store.keystore',
      'store.salt',
    ]);
  }, 60_000);
});

test('a file that is kept is never one that something else has the name of', async () => {
  const { dir, from } = await home();
  const path = join(dir, 'k');
  await writeFile(path, 'old');
  await writeFile(nextOf(path), 'new');
  await writeFile(oldOf(path, from.id), 'a stranger');
  await expect(putInPlace(path, from.id)).rejects.toThrow(/would be lost/);
  expect(await textOf(path)).toBe('old');
  await takeBack(path, from.id);
  expect([await textOf(path), await textOf(oldOf(path, from.id))]).toEqual(['old', 'a stranger']);
});

test('a new file gets its name from wherever an earlier attempt ended', async () => {
  const { dir, from } = await home();
  const path = join(dir, 'k');
  await writeFile(path, 'old');
  await writeFile(nextOf(path), 'new');
  // Ended behind the link.
  await writeFile(oldOf(path, from.id), 'old');
  expect(await putInPlace(path, from.id)).toBe(oldOf(path, from.id));
  expect([await textOf(path), await textOf(oldOf(path, from.id))]).toEqual(['new', 'old']);
  expect(await putInPlace(path, from.id)).toBe(oldOf(path, from.id));
  expect(await textOf(path)).toBe('new');
});

test('FMT-ROT-2, FMT-ROT-3: the check value is the last row under the new key, and the mark goes when meta was rewritten', async () => {
  const meta = new MemoryMetaStore();
  const parts = await home();
  await fill(meta, parts.from, 10);
  const order: string[] = [];
  const watching = new FaultyMeta(meta, -1, false);
  const commit = watching.commit.bind(watching);
  watching.commit = async (one) => {
    order.push((one.puts ?? []).some(({ key }) => CHECK_VALUE_KEY.equals(Buffer.from(key))) ? 'check' : 'other');
    return commit(one);
  };
  const { to, plan } = await begin(watching, parts);
  const compactMeta = async () => {
    order.push('compact');
    expect(await sealedUnder(meta, parts.from)).toBe(0);
    await expect(requireNoRotation(meta)).rejects.toThrow();
  };
  const { places, from } = parts;
  await drain(rotation({ meta: watching, compactMeta, places, plan, from, to }).begin());
  expect(order.slice(-3)).toEqual(['check', 'compact', 'other']);
});

test('the command asks before it changes anything, and only yes is yes', async () => {
  const meta = new MemoryMetaStore();
  const { places, from } = await home();
  await fill(meta, from, 3);
  const before = await meta.range(everything);
  const asked: string[] = [];
  const run = (answer: boolean | undefined) => {
    const confirm = async (question: string) => {
      asked.push(question);
      return answer;
    };
    const context = { meta, places, confirm, compactMeta: async () => {} } as never;
    return drain(rootKeyRotate.run({ yes: false, resume: false, toPassphrase: false } as never, context));
  };
  await expect(run(false)).rejects.toMatchObject({ code: 'NotConfirmed' });
  await expect(run(undefined)).rejects.toThrow('say --yes');
  expect(await meta.range(everything)).toEqual(before);
  await run(true);
  expect(await sealedUnder(meta, from)).toBe(0);
  expect(asked).toHaveLength(3);
  for (const question of asked) expect(question).toContain(places.rootKeyFile);
});
