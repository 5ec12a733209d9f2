import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import type { Library } from '../../src/pkcs11/library.js';
import { parsePkcs11Uri } from '../../src/pkcs11/uri.js';
import { loadOrCreateRootKey } from '../../src/seal/root-key.js';
import { LibraryToken } from '../../src/seal/token/library-token.js';
import { RootToken } from '../../src/seal/token/token.js';
import { lacking, SOFTHSM } from '../support/cloudhsm.js';
import { MemoryToken } from '../support/memory-token.js';
import { PIN, TokenFolder, uriOf } from '../support/root-token.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-token-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const pinOf = (text = PIN) => new Secret(Buffer.from(text));
let files = 0;
const fresh = () => join(dir, `${++files}.token`);
const inToken = (token: MemoryToken | LibraryToken, tokenFile: string, create = false) =>
  loadOrCreateRootKey({ token, tokenFile, storeId: 'store', create });
const lines = async (file: string) => (await readFile(file, 'latin1')).trimEnd().split('\n');
const refusal = (message: RegExp) => ({ name: 'RootKeyError', message: expect.stringMatching(message) });

/** Running ones whose arguments have this text. */
async function processesWith(text: string): Promise<{ pid: string; args: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = pids.map(async (pid) => ({
    pid,
    args: await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''),
  }));
  return (await Promise.all(all)).filter(({ args }) => args.includes(text));
}

describe('the file of a root key in a token', () => {
  test('is made once, and opens with that key of the token alone', async () => {
    const [token, file] = [new MemoryToken(), fresh()];
    await expect(inToken(token, file)).rejects.toMatchObject(refusal(/is missing/));
    expect(token.uses).toBe(0);
    const made = await inToken(token, file, true);
    expect(await lines(file)).toEqual([
      expect.stringMatching(/^coffer-root-token-v1 [A-Za-z0-9+/]{102}==$/),
      expect.stringMatching(/^coffer-destruction-token-v1 [A-Za-z0-9+/]{102}==$/),
    ]);
    const again = await inToken(token, file, true);
    expect(again.id).toEqual(made.id);
    expect(again.destruction!.all[0]!.expose()).toEqual(made.destruction!.all[0]!.expose());
    expect(token.keys.map(({ label }) => label)).toEqual([
      expect.stringMatching(/^coffer-destruction:store:[0-9a-f]{32}$/),
    ]);
    const other = new MemoryToken(undefined, 'other', token);
    await expect(inToken(other, file)).rejects.toMatchObject(refusal(/wrapped under another key/));
  });

  test('loses no destruction key by a process that has lost its claim to the file meanwhile', async () => {
    const file = fresh();
    let pause = (): void => {};
    let lost = false;
    const token = new MemoryToken(() => pause());
    const stale = await inToken(token, file, true);
    stale.destruction!.guard = {
      temporary: (path) => `${path}.000000000000.new`,
      requireMayReplace: async () => {
        if (lost) throw new Error('claim lost');
      },
    };
    // Another one claims, draws and replaces while this one is about to delete what it thinks is old.
    const other = await inToken(token, file);
    let resealed = 0;
    const replaced = stale.destruction!.replace(async () => {
      if (++resealed > 1) return;
      lost = true;
      pause = () => {};
      await other.destruction!.reload();
      await other.destruction!.replace(async () => {});
    });
    await expect(replaced).rejects.toThrow('claim lost');
    const opened = await inToken(token, file);
    expect(opened.destruction!.all[0]!.expose()).toEqual(other.destruction!.all[0]!.expose());
  });

  test('with any byte changed is refused', async () => {
    const [token, file] = [new MemoryToken(), fresh()];
    await inToken(token, file, true);
    const whole = await lines(file);
    let refused = 0;
    for (const at of [0, 1]) {
      const [marker, base64] = whole[at]!.split(' ') as [string, string];
      const bytes = Buffer.from(base64, 'base64');
      for (let i = 0; i < bytes.length; i++) {
        const changed = Buffer.from(bytes);
        changed[i]! ^= 1;
        const spoilt = whole.with(at, `${marker} ${changed.toString('base64')}`);
        await writeFile(file, `${spoilt.join('\n')}\n`);
        await expect(inToken(token, file), `line ${at}, byte ${i}`).rejects.toMatchObject({ name: 'RootKeyError' });
        refused++;
      }
    }
    expect(refused).toBe(152);
    // Without its secret it would be one that destruction can't reach.
    await writeFile(file, `${whole[0]}\n`);
    await expect(inToken(token, file)).rejects.toMatchObject(refusal(/not a file of the format/));
    await writeFile(file, `${whole.join('\n')}\ncoffer-destruction-token-v1 none\n`);
    expect((await inToken(token, file)).destruction!.all).toHaveLength(1);
  });

  test('FMT-TOKEN-3: a start deletes what a crash left of its own; a destruction also what other root keys of the store had', async () => {
    const [token, file, other] = [new MemoryToken(), fresh(), fresh()];
    const rootKey = await inToken(token, file, true);
    await inToken(token, other, true);
    await loadOrCreateRootKey({ token, tokenFile: fresh(), storeId: 'another store' });
    const { label } = token.keys[0]!;
    token.keys.push({ label, id: Buffer.alloc(16), key: Buffer.alloc(32) });
    const started = await inToken(token, file);
    const { uses } = token;
    expect(await started.destruction!.takeUp(async () => {})).toBeUndefined();
    expect(token.uses).toBe(uses + 1);
    expect(await rootKey.destruction!.takeUp(async () => {})).toBeUndefined();
    expect(token.uses).toBe(uses + 1);
    expect(token.keys.map((one) => one.label.split(':')[1])).toEqual(['store', 'store', 'another store']);
    expect(await rootKey.destruction!.replace(async () => {})).toBeUndefined();
    expect(token.keys.map((one) => one.label.split(':')[1])).toEqual(['another store', 'store']);
    expect((await inToken(token, file)).id).toEqual(rootKey.id);
    await expect(inToken(token, other)).rejects.toMatchObject(refusal(/in the token no more/));
  });

  test.each([
    ['makeDestructionKey', 1],
    ['deleteDestructionKey', 2],
  ])('says so where the token refuses %s, and the store opens all the same', async (call, keys) => {
    const [token, file] = [new MemoryToken(), fresh()];
    const rootKey = await inToken(token, file, true);
    token.refuses.set(call, 'CKR_DEVICE_MEMORY');
    for (let i = 0; i < 3; i++) {
      expect(await rootKey.destruction!.replace(async () => {})).toMatch(/destruction key: CKR_DEVICE_MEMORY/);
      // However often it is tried, a token's room isn't used up.
      expect(token.keys).toHaveLength(keys);
    }
    token.refuses.clear();
    expect((await inToken(token, file)).id).toEqual(rootKey.id);
    expect(await rootKey.destruction!.replace(async () => {})).toBeUndefined();
    expect(token.keys).toHaveLength(1);
  });
});

test('a first start that dies at any step is no obstacle to the next, and what it left in the token goes with a destruction', async () => {
  for (let left = 0; ; left++) {
    let steps = left;
    const token = new MemoryToken(() => {
      if (steps-- <= 0) throw new Error('dead');
    });
    const file = fresh();
    const made = await inToken(token, file, true).then(
      () => true,
      () => false,
    );
    steps = Number.POSITIVE_INFINITY;
    const rootKey = await inToken(token, file, true);
    expect(await rootKey.destruction!.replace(async () => {})).toBeUndefined();
    expect(token.keys).toHaveLength(1);
    expect((await inToken(token, file)).id).toEqual(rootKey.id);
    if (!made) continue;
    // wrap; the destruction key before and after, what it seals; unwrap, open, the list.
    expect(left).toBe(7);
    return;
  }
});

test('a token that fails in the midst of a destruction ends it with an error, and the next attempt makes up for it', async () => {
  for (const call of ['makeDestructionKey', 'seal', 'destructionKeys', 'deleteDestructionKey']) {
    const [token, file] = [new MemoryToken(), fresh()];
    const rootKey = await inToken(token, file, true);
    token.refuses.set(call, 'CKR_DEVICE_REMOVED');
    await expect(rootKey.destruction!.replace(async () => {})).rejects.toThrow('CKR_DEVICE_REMOVED');
    token.refuses.clear();
    expect((await inToken(token, file)).id).toEqual(rootKey.id);
    expect(await rootKey.destruction!.replace(async () => {})).toBeUndefined();
    expect([(await inToken(token, file)).destruction!.all.length, token.keys.length]).toEqual([1, 1]);
  }
});

test('a PIN that one wrong attempt more would lock, or that is locked, is not tried', () => {
  const flags = { CKF_TOKEN_INITIALIZED: 1, CKF_USER_PIN_FINAL_TRY: 2, CKF_USER_PIN_LOCKED: 4 };
  const codeAt = (more: number): string => {
    const p = {
      C_GetSlotList: () => [Buffer.alloc(8)],
      C_GetTokenInfo: () => ({ label: 'a   ', serialNumber: '1\0\0', manufacturerID: '', model: '', flags: 1 | more }),
      C_OpenSession: () => Buffer.alloc(8),
      C_Login: () => {
        throw new Error('CKR_PIN_INCORRECT');
      },
    };
    const place = { library: '/none', token: { label: 'a', serial: '1' }, object: { label: 'root' } };
    try {
      new RootToken(place, { js: flags, p } as unknown as Library).login({ pin: Buffer.from('x') });
    } catch (error) {
      return (error as { code?: string }).code ?? (error as Error).message;
    }
    return 'none';
  };
  expect([codeAt(0), codeAt(2), codeAt(4)]).toEqual(['CKR_PIN_INCORRECT', 'LAST_ATTEMPT', 'CKR_PIN_LOCKED']);
});

describe.skipIf(lacking)(`a token of SoftHSM${lacking ? ` (left out: ${lacking})` : ''}`, () => {
  let folder: TokenFolder;
  beforeAll(async () => {
    folder = await TokenFolder.make(join(dir, 'softhsm'));
  });
  const tokenOf = (uri = uriOf(), pin = PIN, timeoutMs = 60_000) =>
    new LibraryToken(parsePkcs11Uri(uri, 'URI'), pinOf(pin), { env: { ...process.env, ...folder.env }, timeoutMs });
  /** Files of objects, two of which are the PINs' own and so on: what counts is how many there are. */
  const objects = async () =>
    (await readdir(join(dir, 'softhsm', 'tokens'), { recursive: true })).filter((name) => name.endsWith('.object'));

  test('opens the root key again, and its destruction key is deleted there when another takes its place', async () => {
    const file = fresh();
    const rootKey = await inToken(tokenOf(), file, true);
    const before = (await objects()).length;
    await cp(file, `${file}.before`);
    await cp(join(dir, 'softhsm'), join(dir, 'softhsm.before'), { recursive: true });
    const [secret] = rootKey.destruction!.all.map((one) => Buffer.from(one!.expose()));
    expect(await rootKey.destruction!.replace(async () => {})).toBeUndefined();
    expect([(await objects()).length, folder.destructionKeys().length]).toEqual([before, 1]);
    const again = await inToken(tokenOf(uriOf('object=root;id=%01', `serial=${folder.serial}`)), file);
    expect(again.id).toEqual(rootKey.id);
    expect(again.destruction!.all[0]!.expose()).not.toEqual(secret);
    await expect(inToken(tokenOf(), `${file}.before`)).rejects.toMatchObject(refusal(/in the token no more/));
    // What it takes instead: the token itself as it was then.
    const conf = join(dir, 'softhsm.conf.before');
    await writeFile(conf, `directories.tokendir = ${join(dir, 'softhsm.before', 'tokens')}\n`);
    const env = { ...process.env, SOFTHSM2_CONF: conf };
    const then = await inToken(new LibraryToken(parsePkcs11Uri(uriOf(), 'URI'), pinOf(), { env }), `${file}.before`);
    expect(then.destruction!.all[0]!.expose()).toEqual(secret);
  });

  test('opens nothing that was changed', async () => {
    const file = fresh();
    await inToken(tokenOf(), file, true);
    const [root, secret] = (await lines(file)) as [string, string];
    // Owner (authenticated beside the key), nonce, ciphertext and tag.
    for (const at of [0, 20, 40, 75]) {
      const bytes = Buffer.from(root.split(' ')[1]!, 'base64');
      bytes[at]! ^= 1;
      await writeFile(file, `coffer-root-token-v1 ${bytes.toString('base64')}\n${secret}\n`);
      await expect(inToken(tokenOf(), file), `byte ${at}`).rejects.toMatchObject(refusal(/is damaged, or was wrapped/));
    }
  });

  test('that can not be used is refused in one line each', async () => {
    const file = fresh();
    await inToken(tokenOf(), file, true);
    folder.addKeys(
      { label: 'soft', id: '03', sensitive: false },
      { label: 'bare', id: '04', extractable: true },
      { label: 'short', id: '05', bytes: 16 },
      { label: 'twice', id: '06' },
      { label: 'twice', id: '07' },
    );
    folder.addToken('pair');
    folder.addToken('pair');
    const notALibrary = join(dir, 'text.so');
    await writeFile(notALibrary, 'text');
    const at = (library: string) => `pkcs11:token=a;object=root?module-path=${library}`;
    const refusals: [LibraryToken, RegExp][] = [
      [tokenOf(uriOf('object=soft')), /it is not sensitive/],
      [tokenOf(uriOf('object=bare')), /it is extractable/],
      [tokenOf(uriOf('object=short')), /it is no AES-256 key/],
      [tokenOf(uriOf('object=none')), /no such secret key is in the token/],
      [tokenOf(uriOf('object=twice')), /more than one secret key is meant/],
      [tokenOf(uriOf('object=root', 'token=none')), /no such token is there/],
      [tokenOf(uriOf('object=root', 'token=pair')), /more than one token is meant/],
      [tokenOf(uriOf(), 'wrong-pin'), /the PIN is wrong \(CKR_PIN_INCORRECT\); it is not tried again/],
      [tokenOf(at('/none.so')), /\/none\.so is not there/],
      [tokenOf(at(notALibrary)), /its library fails \(.*text\.so/],
    ];
    for (const [token, message] of refusals) {
      const error = await inToken(token, file).catch((thrown: Error) => thrown);
      expect(error).toMatchObject(refusal(message));
      expect((error as Error).message).not.toMatch(/\n|user-pin|wrong-pin/);
    }
  });

  test('is asked no second time with a PIN that it refused, whichever of its keys is meant', async () => {
    const pin = pinOf('wrong-pin');
    const env = { ...process.env, ...folder.env };
    const first = new LibraryToken(parsePkcs11Uri(uriOf(), 'URI'), pin, { env });
    await expect(first.use(async () => {})).rejects.toThrow(/PIN is wrong/);
    // With the right one by now: who had been asked would know.
    pin.expose().fill(0);
    for (const object of ['object=root', 'object=none']) {
      const next = new LibraryToken(parsePkcs11Uri(uriOf(object), 'URI'), pin, { env: {} });
      await expect(next.use(async () => {})).rejects.toThrow(/PIN is wrong/);
    }
  });

  test('whose library hangs is given up, and its process is gone', async () => {
    const fifo = join(dir, 'hangs.so');
    execFileSync('mkfifo', [fifo]);
    const token = tokenOf(`pkcs11:token=a;object=root?module-path=${fifo}`, PIN, 300);
    await expect(token.use(async () => {})).rejects.toMatchObject(refusal(/hangs\.so is of no use: it did not answer/));
    expect(await processesWith(fifo)).toEqual([]);
  });

  test('gets the PIN by message, and nothing of Coffer’s environment', async () => {
    let args = '';
    let environ = '';
    const env = { ...process.env, ...folder.env, COFFER_SECRET_ACCESS_KEY: 'hush', AWS_SECRET_ACCESS_KEY: 'hush' };
    // Its own among those of other tests.
    const place = `serial":"${folder.serial}`;
    const uri = parsePkcs11Uri(uriOf('object=root', `serial=${folder.serial}`), 'URI');
    await new LibraryToken(uri, pinOf(), { env }).use(async () => {
      const [found] = await processesWith(place);
      args = found!.args;
      environ = await readFile(`/proc/${found!.pid}/environ`, 'latin1');
    });
    expect(args).toContain(SOFTHSM);
    expect(environ).toContain('SOFTHSM2_CONF=');
    expect(args + environ).not.toMatch(/user-pin|hush|COFFER_|AWS_SECRET/);
  });
});
