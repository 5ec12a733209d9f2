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
import { exists, nextOf, removeIfThere } from '../root-key/place.js';
import { Rotation } from '../root-key/rotation.js';
import { tokensOf } from '../root-key/tokens.js';

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
  toPkcs11: {
    kind: 'text',
    placeholder: 'URI',
    summary:
      'the new key is wrapped in the token that this PKCS#11 URI names; COFFER_NEW_ROOT_KEY_PKCS11_PIN_FILE has its PIN',
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
    const targets = [args.toFile !== undefined, args.toPassphrase, args.toPkcs11 !== undefined].filter(Boolean).length;
    if (targets > 1) throw new UsageError('--to-file, --to-passphrase and --to-pkcs11 exclude each other');
    if (args.resume && targets > 0) {
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
    const from = await loadKey(plan.from, fileOf(plan.from), context.passphrase, context, false);
    keys.push(from);
    await requireRightRootKey(meta, new RootSealer(from));
    // Left of an attempt that never began: a destruction since may have taken its destruction key.
    if ('tokenFile' in plan.to) await removeIfThere(nextOf(plan.to.tokenFile));
    const to = await loadKey(plan.to, nextOf(fileOf(plan.to)), passphrase, context, true);
    keys.push(to);
    yield* new Rotation({ meta, compactMeta, places, plan, from, to }).begin();
  } finally {
    for (const key of keys) key.dispose();
  }
}

/** @throws UsageError where nobody can be asked, CommandError where the answer isn't yes */
async function requireConsent({ from, to }: { from: RootKeyPlace; to: RootKeyPlace }, context: OfflineContext) {
  const what = 'file' in from ? `the root key ${fileOf(from)}` : 'saltFile' in from ? 'the passphrase' : fileOf(from);
  const by =
    'file' in to
      ? `the new root key ${fileOf(to)}`
      : 'saltFile' in to
        ? 'a new passphrase'
        : `a new root key in the token ${to.uri}`;
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
    tokenKeys: context.pkcs11 ? [{ tokenFile: places.tokenFile, uri: context.pkcs11.uri.text }] : [],
    tokens: tokensOf(context),
    storeId: places.storeId,
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

const currentPlace = ({ passphrase, pkcs11, rootKeyFile, places }: OfflineContext): RootKeyPlace =>
  places.rootOf({ rootKeyFile, rootKeyPassphrase: passphrase, rootKeyPkcs11: pkcs11 });

async function newPlace(
  { toFile, toPassphrase, toPkcs11 }: Arguments<typeof specs>,
  context: OfflineContext,
): Promise<RootKeyPlace> {
  const place: RootKeyPlace | undefined = toPassphrase
    ? { saltFile: context.places.saltFile }
    : toPkcs11 !== undefined
      ? { tokenFile: context.places.tokenFile, uri: toPkcs11 }
      : undefined;
  if (place) {
    // Whether it can be used at all is said before anybody is asked for anything.
    if ('tokenFile' in place) tokensOf(context).of(place.uri);
    // The key-store key goes there, too.
    context.requireKeyMayLieAt(fileOf(place));
    return place;
  }
  const current = currentPlace(context);
  if (toFile === undefined) {
    if ('file' in current) return current;
    if ('saltFile' in current) {
      throw new UsageError(
        'the root key comes from a passphrase: say --to-passphrase for a new one, --to-file PATH or --to-pkcs11 URI',
      );
    }
    throw new UsageError(
      'the root key is wrapped in a token: say --to-pkcs11 URI for a new one in the same or another, --to-file PATH or --to-passphrase',
    );
  }
  if ('file' in current && current.file === toFile) return current;
  context.requireKeyMayLieAt(toFile);
  // A key that something else may be sealed under is never replaced.
  if (await exists(toFile)) throw new RootKeyError(`${toFile} exists already: give the path of a new file`);
  return { file: toFile };
}

function loadKey(
  place: RootKeyPlace,
  path: string,
  passphrase: Secret | undefined,
  context: OfflineContext,
  create: boolean,
): Promise<RootKey> {
  if ('file' in place) return loadOrCreateRootKey({ file: path, create });
  if ('saltFile' in place) return loadOrCreateRootKey({ passphrase: passphrase!, saltFile: path, create });
  const token = tokensOf(context).of(place.uri);
  return loadOrCreateRootKey({ token, tokenFile: path, storeId: context.places.storeId, create });
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
