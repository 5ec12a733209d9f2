import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rootKeyRotate } from '../../src/admin/commands/root-key-rotate.js';
import type { OfflineContext } from '../../src/admin/ports.js';
import { findKeys } from '../../src/admin/root-key/find-keys.js';
import { nextOf } from '../../src/admin/root-key/place.js';
import { Secret } from '../../src/base/secret.js';
import { KeyStoreKeyFile } from '../../src/kms/key-store-key.js';
import { parsePkcs11Uri } from '../../src/pkcs11/uri.js';
import { fileOf, KeyPlaces, type RootKeyPlace } from '../../src/seal/key-places.js';
import { loadOrCreateRootKey, type RootKey } from '../../src/seal/root-key.js';
import { ROTATION_MARK_KEY, RotationMark, requireNoRotation } from '../../src/seal/rotation-mark.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { MetaStore } from '../../src/store/ports.js';
import { lacking } from '../support/cloudhsm.js';
import { MemoryToken } from '../support/memory-token.js';
import { PIN, TokenFolder, uriOf } from '../support/root-token.js';
import { Crash, drain, FaultyMeta, fill, requireAll, rotation, temporary, textOf } from './harness.js';

const directions = ['file to token', 'token to file', 'one key of a token to another', 'a key of a token to itself'];

/** Two keys of one token, a config home, and where a rotation of this direction begins and ends. */
async function setting(direction: string) {
  const dir = await temporary();
  const places = new KeyPlaces(dir, 'store');
  const one = new MemoryToken(undefined, 'one');
  const other = new MemoryToken(undefined, 'other', one);
  const tokens = { of: (uri: string) => (uri === one.uri ? one : other) };
  const file: RootKeyPlace = { file: places.rootKeyFile };
  const inOne: RootKeyPlace = { tokenFile: places.tokenFile, uri: one.uri };
  const inOther: RootKeyPlace = { tokenFile: places.tokenFile, uri: other.uri };
  const [from, to] = (
    {
      'file to token': [file, inOne],
      'token to file': [inOne, file],
      'one key of a token to another': [inOne, inOther],
      'a key of a token to itself': [inOne, inOne],
    } as Record<string, [RootKeyPlace, RootKeyPlace]>
  )[direction]!;
  const load = (place: RootKeyPlace, path: string, create: boolean): Promise<RootKey> =>
    'tokenFile' in place
      ? loadOrCreateRootKey({ token: tokens.of(place.uri), tokenFile: path, storeId: 'store', create })
      : loadOrCreateRootKey({ file: path, create });
  const find = (mark: RotationMark, named: RootKeyPlace) =>
    findKeys(mark, {
      keyFiles: [places.rootKeyFile],
      saltFiles: [places.saltFile],
      passphrases: [],
      tokenKeys: 'tokenFile' in named ? [named] : [],
      tokens,
      storeId: 'store',
    });
  const fromKey = await load(from, fileOf(from), true);
  const keyStoreKey = Buffer.from((await new KeyStoreKeyFile(places.keyStoreFile(from), fromKey).load(true)).expose());
  const begin = async (meta: MetaStore) => {
    const toKey = await load(to, nextOf(fileOf(to)), true);
    return rotation({ meta, places, plan: { from, to }, from: fromKey, to: toKey }).begin();
  };
  return { dir, places, one, from, to, load, find, fromKey, keyStoreKey, begin };
}

describe('a rotation', () => {
  test.each(directions)(
    'from %s that is ended at any commit, applied or not, is taken up to the end, whichever key settings name',
    async (direction) => {
      let ended = 0;
      for (let crashAt = 1; ; crashAt++) {
        for (const applied of [false, true]) {
          const meta = new MemoryMetaStore();
          const { places, from, to, load, find, fromKey, keyStoreKey, begin } = await setting(direction);
          const rows = await fill(meta, fromKey, 20);
          const faulty = new FaultyMeta(meta, crashAt, applied);
          const outcome = await drain(await begin(faulty)).then(
            () => 'done',
            (error) => error,
          );
          if (outcome === 'done') {
            expect([ended, crashAt > 10]).toEqual([(crashAt - 1) * 2, true]);
            return;
          }
          expect(outcome).toBeInstanceOf(Crash);
          ended++;
          const row = await meta.get(ROTATION_MARK_KEY);
          if (row) {
            await expect(requireNoRotation(meta)).rejects.toThrow(/--resume/);
            const mark = RotationMark.decode(row.value);
            const found = await find(mark, crashAt % 2 === 0 && !mark.isSettled ? from : to);
            await drain(rotation({ meta, places, ...found }).carryOn());
          }
          // Before it had begun one key opens everything, at its very end the other one does.
          const now = row || applied ? to : from;
          const key = await load(now, fileOf(now), false);
          await requireAll(meta, key, rows);
          const keyStore = new KeyStoreKeyFile(places.keyStoreFile(now), key);
          expect((await keyStore.load(false)).expose()).toEqual(keyStoreKey);
        }
      }
    },
  );

  test('away from a token and a destruction: the key-store file of before opens with nothing of today', async () => {
    const meta = new MemoryMetaStore();
    const { dir, places, one, to, load, fromKey, begin } = await setting('one key of a token to another');
    await fill(meta, fromKey);
    const before = await Promise.all(
      ['store.token', 'store.keystore'].map(async (name) => [name, await textOf(join(dir, name))] as const),
    );
    await drain(await begin(meta));
    expect(one.keys).toHaveLength(2);
    const key = await load(to, fileOf(to), false);
    const keyStore = new KeyStoreKeyFile(places.keyStoreFile(to), key);
    const destroyed = await keyStore.load(false);
    const newer = await keyStore.begin(destroyed);
    expect(await key.destruction!.replace(() => keyStore.replace(newer))).toBeUndefined();
    // FMT-TOKEN-3: that of the old root key is gone with it.
    expect(one.keys).toHaveLength(1);
    for (const [name, text] of before) await writeFile(join(dir, name), text);
    const old = { tokenFile: places.tokenFile, uri: one.uri };
    await expect(load(old, places.tokenFile, false)).rejects.toThrow(/in the token no more/);
  });

  test('that can not find a key says what is wrong with its token', async () => {
    const meta = new MemoryMetaStore();
    const { find, fromKey, one, from, begin } = await setting('token to file');
    await fill(meta, fromKey);
    await expect(drain(await begin(new FaultyMeta(meta, 3, true)))).rejects.toBeInstanceOf(Crash);
    const mark = RotationMark.decode((await meta.get(ROTATION_MARK_KEY))!.value);
    one.refuses.set('unwrap', 'CKR_DEVICE_REMOVED');
    const missing = find(mark, from).catch((error: Error) => error.message);
    expect(await missing).toMatch(
      /^the old root key is not there \(it was .*, wrapped in the token pkcs11:.*CKR_DEVICE_REMOVED/,
    );
    one.refuses.clear();
    expect((await find(mark, from)).from!.id).toEqual(fromKey.id);
  });
});

describe.skipIf(lacking)(`coffer root-key rotate, with SoftHSM${lacking ? ` (left out: ${lacking})` : ''}`, () => {
  const secret = (text: string) => new Secret(Buffer.from(text));
  const tokenOf = (uri: string, pin = PIN) => ({ uri: parsePkcs11Uri(uri, 'URI'), pin: secret(pin) });

  test('goes from a file to a token, to another token with another PIN, and to a file, each ended midway and taken up', async () => {
    const dir = await temporary();
    const folder = await TokenFolder.make(join(dir, 'tokens'));
    folder.addToken('second', 'second-pin');
    const [one, other] = [uriOf(), uriOf('object=root', 'token=second')];
    const places = new KeyPlaces(dir, 'store');
    const meta = new MemoryMetaStore();
    const rootKey = await loadOrCreateRootKey({ file: places.rootKeyFile });
    const rows = await fill(meta, rootKey, 300);
    const file = new KeyStoreKeyFile(places.keyStoreFile({ file: places.rootKeyFile }), rootKey);
    const keyStoreKey = Buffer.from((await file.load(true)).expose());
    const settingsOf = (more: Partial<OfflineContext>, store: MetaStore = meta): OfflineContext => ({
      meta: store,
      places,
      rootKeyFile: undefined,
      passphrase: undefined,
      pkcs11: undefined,
      newPassphrase: undefined,
      newPin: undefined,
      compactMeta: async () => {},
      requireKeyMayLieAt: () => {},
      confirm: async () => undefined,
      ask: async () => undefined,
      ...more,
    });
    const rotate = (settings: OfflineContext, args: object) =>
      drain(rootKeyRotate.run({ yes: true, resume: false, toPassphrase: false, ...args } as never, settings));
    const before = process.env.SOFTHSM2_CONF;
    process.env.SOFTHSM2_CONF = folder.conf;
    try {
      await expect(rotate(settingsOf({}), { toPkcs11: one })).rejects.toThrow(/PIN of the token .* is missing/);
      await expect(rotate(settingsOf({ newPin: secret('wrong') }), { toPkcs11: one })).rejects.toThrow(/PIN is wrong/);
      await expect(requireNoRotation(meta)).resolves.toBeUndefined();
      expect(await readdir(dir)).not.toContain('store.token.next');
      // Left of an attempt that had not begun.
      await writeFile(nextOf(places.tokenFile), 'left');
      const moves = [
        { was: {}, args: { toPkcs11: one }, adds: { newPin: secret(PIN) }, is: { pkcs11: tokenOf(one) } },
        {
          was: { pkcs11: tokenOf(one) },
          args: { toPkcs11: other },
          adds: { newPin: secret('second-pin') },
          is: { pkcs11: tokenOf(other, 'second-pin') },
        },
        {
          was: { pkcs11: tokenOf(other, 'second-pin') },
          args: { toFile: join(dir, 'back.key') },
          adds: {},
          is: { rootKeyFile: join(dir, 'back.key') },
        },
      ];
      for (const { was, args, adds, is } of moves) {
        const faulty = new FaultyMeta(meta, 3, true);
        await expect(rotate(settingsOf({ ...was, ...adds }, faulty), args)).rejects.toBeInstanceOf(Crash);
        const told = await rotate(settingsOf({ ...was, ...adds }), { resume: true });
        const text = JSON.stringify(told);
        expect(text).toContain('the root key is rotated');
        expect(text).not.toMatch(/user-pin|second-pin/);
        if ('pkcs11' in is) expect(text).toContain(`start with COFFER_ROOT_KEY_PKCS11='${is.pkcs11!.uri.text}'`);
        if ('pkcs11' in was) expect(text).toContain(`still in the token ${was.pkcs11!.uri.text}`);
        if ('pkcs11' in is) await expect(rotate(settingsOf(is), {})).rejects.toThrow(/say --to-pkcs11/);
      }
    } finally {
      if (before === undefined) delete process.env.SOFTHSM2_CONF;
      else process.env.SOFTHSM2_CONF = before;
    }
    const last = await loadOrCreateRootKey({ file: join(dir, 'back.key'), create: false });
    await requireAll(meta, last, rows);
    const now = new KeyStoreKeyFile(`${join(dir, 'back.key')}.keystore`, last);
    expect((await now.load(false)).expose()).toEqual(keyStoreKey);
    expect([folder.destructionKeys().length, folder.destructionKeys('second', 'second-pin').length]).toEqual([1, 1]);
    expect(await readFile(places.tokenFile, 'latin1')).toMatch(/^coffer-root-token-v1 /);
  });
});
