import type { Secret } from '../../base/secret.js';
import { requireRightRootKey } from '../../seal/check-value.js';
import { fileOf, type RootKeyPlace } from '../../seal/key-places.js';
import { RootSealer } from '../../seal/record-sealer.js';
import { loadOrCreateRootKey, type RootKey, RootKeyError } from '../../seal/root-key.js';
import { ROTATION_MARK_KEY, RotationMark, requireNoRotation } from '../../seal/rotation-mark.js';
import { type Arguments, offlineCommand } from '../command.js';
import { CommandError, UsageError } from '../errors.js';
import type { Message } from '../message.js';
import type { OfflineContext } from '../ports.js';
import { findKeys } from '../root-key/find-keys.js';
import { exists, nextOf } from '../root-key/place.js';
import { Rotation } from '../root-key/rotation.js';

const specs = {
  toFile: {
    kind: 'path',
    placeholder: 'PATH',
    summary: 'where the new key file is made; default: in place of the current one, which is kept beside it',
  },
  toPassphrase: {
    kind: 'flag',
    summary: 'the new key comes from a passphrase: COFFER_NEW_ROOT_KEY_PASSPHRASE, its _FILE, or the terminal',
  },
  yes: { kind: 'flag', summary: 'does not ask whether to go on' },
  resume: { kind: 'flag', summary: 'takes up a rotation that was interrupted' },
} as const;

export const rootKeyRotate = offlineCommand({
  noun: 'root-key',
  verb: 'rotate',
  where: 'offline',
  summary: 'makes a new root key and seals everything anew under it; objects stay as they are',
  arguments: specs,
  async *run(args, context) {
    if (args.toFile !== undefined && args.toPassphrase) {
      throw new UsageError('--to-file and --to-passphrase exclude each other');
    }
    if (args.resume && (args.toFile !== undefined || args.toPassphrase)) {
      throw new UsageError('--resume goes on to where the rotation was begun to');
    }
    yield* args.resume ? resume(context) : begin(args, context);
  },
});

async function* begin(args: Arguments<typeof specs>, context: OfflineContext): AsyncGenerator<Message> {
  const { meta, compactMeta, places } = context;
  await requireNoRotation(meta);
  const plan = { from: currentPlace(context), to: await newPlace(args, context) };
  if (!args.yes) await requireConsent(plan, context);
  const passphrase = 'saltFile' in plan.to ? await newPassphrase(context) : undefined;
  const keys: RootKey[] = [];
  try {
    const from = await loadKey(plan.from, fileOf(plan.from), context.passphrase, false);
    keys.push(from);
    await requireRightRootKey(meta, new RootSealer(from));
    const to = await loadKey(plan.to, nextOf(fileOf(plan.to)), passphrase, true);
    keys.push(to);
    yield* new Rotation({ meta, compactMeta, places, plan, from, to }).begin();
  } finally {
    for (const key of keys) key.dispose();
  }
}

/** @throws UsageError where nobody can be asked, CommandError where the answer isn't yes */
async function requireConsent({ from, to }: { from: RootKeyPlace; to: RootKeyPlace }, context: OfflineContext) {
  const what = 'file' in from ? `the root key ${fileOf(from)}` : 'the passphrase';
  const by = 'file' in to ? `the new root key ${fileOf(to)}` : 'a new passphrase';
  const consent = await context.confirm(
    `Everything is sealed anew under ${by}; then ${what}, as it is now, opens nothing of this store. Go on? (yes/no) `,
  );
  if (consent === undefined) throw new UsageError('there is no terminal to ask at: say --yes');
  if (!consent) throw new CommandError('NotConfirmed', 'nothing was changed');
}

async function* resume(context: OfflineContext): AsyncGenerator<Message> {
  const { meta, compactMeta, places } = context;
  const row = await meta.get(ROTATION_MARK_KEY);
  if (!row) throw new RootKeyError('no root key rotation was interrupted: there is nothing to resume');
  const mark = RotationMark.decode(row.value);
  const sources = {
    keyFiles: [context.rootKeyFile ?? places.rootKeyFile, places.rootKeyFile],
    saltFiles: [places.saltFile],
    passphrases: [context.passphrase, context.newPassphrase].filter((one) => one !== undefined),
  };
  const keys = await findKeys(mark, sources).catch(async (error: unknown) => {
    // A passphrase that was typed when the rotation began stands nowhere.
    const typed = error instanceof RootKeyError ? await context.ask('New passphrase: ') : undefined;
    if (!typed) throw error;
    return findKeys(mark, { ...sources, passphrases: [...sources.passphrases, typed] });
  });
  try {
    yield* new Rotation({ meta, compactMeta, places, ...keys }).carryOn();
  } finally {
    keys.from?.dispose();
    keys.to.dispose();
  }
}

function currentPlace({ passphrase, rootKeyFile, places }: OfflineContext): RootKeyPlace {
  return passphrase ? { saltFile: places.saltFile } : { file: rootKeyFile ?? places.rootKeyFile };
}

async function newPlace(
  { toFile, toPassphrase }: Arguments<typeof specs>,
  context: OfflineContext,
): Promise<RootKeyPlace> {
  if (toPassphrase) return { saltFile: context.places.saltFile };
  const current = currentPlace(context);
  if (toFile === undefined) {
    if ('file' in current) return current;
    throw new UsageError('the root key comes from a passphrase: say --to-passphrase for a new one, or --to-file PATH');
  }
  if ('file' in current && current.file === toFile) return current;
  context.requireKeyMayLieAt(toFile);
  // A key that something else may be sealed under is never replaced.
  if (await exists(toFile)) throw new RootKeyError(`${toFile} exists already: give the path of a new file`);
  return { file: toFile };
}

function loadKey(place: RootKeyPlace, path: string, passphrase: Secret | undefined, create: boolean): Promise<RootKey> {
  if ('file' in place) return loadOrCreateRootKey({ file: path, create });
  return loadOrCreateRootKey({ passphrase: passphrase!, saltFile: path, create });
}

async function newPassphrase({ newPassphrase: given, ask }: OfflineContext): Promise<Secret> {
  if (given) return given;
  const first = await ask('New passphrase: ');
  if (!first) {
    throw new UsageError(
      'the new passphrase is missing: set COFFER_NEW_ROOT_KEY_PASSPHRASE or COFFER_NEW_ROOT_KEY_PASSPHRASE_FILE',
    );
  }
  const second = await ask('Once more: ');
  if (first.length === 0) throw new UsageError('the new passphrase is empty');
  if (!second?.expose().equals(first.expose())) throw new UsageError('the two passphrases differ');
  second.dispose();
  return first;
}
