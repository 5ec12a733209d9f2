import type { Secret } from '../../base/secret.js';
import type { RootKeyPlace } from '../../seal/key-places.js';
import { fileOf } from '../../seal/key-places.js';
import { loadOrCreateRootKey, type RootKey, RootKeyError } from '../../seal/root-key.js';
import type { RotationMark, RotationPlan } from '../../seal/rotation-mark.js';
import { NotWrappedHere } from '../../seal/token/token-key.js';
import { exists, nextOf, oldOf } from './place.js';
import type { RotationTokens } from './tokens.js';

export interface KeySources {
  /** Paths of key files and of salt files; what a rotation names them meanwhile is looked for too. */
  keyFiles: string[];
  saltFiles: string[];
  passphrases: Secret[];
  /** Files of what tokens wrapped, each with the URI of the token. */
  tokenKeys?: { tokenFile: string; uri: string }[];
  tokens?: RotationTokens;
  storeId?: string;
}

export interface FoundKeys {
  /** Undefined where the rotation needs it no more and it isn't there. */
  from: RootKey | undefined;
  to: RootKey;
  plan: RotationPlan;
}

/**
 * The two keys of a rotation that was interrupted, by their ids, wherever they lie by now: settings may name the old one or the new
 * one, and files may or may not have changed their names. @throws RootKeyError that says which one is missing
 */
export async function findKeys(mark: RotationMark, sources: KeySources): Promise<FoundKeys> {
  const found = new Map<string, RootKey>();
  const troubles: string[] = [];
  await collect(mark, sources, found, troubles);
  const any = of(found, mark.toId) ?? (mark.isSettled ? undefined : of(found, mark.fromId));
  if (!any) throw missing(mark, 'neither root key of the rotation is there', troubles);
  const plan = mark.open(any);
  if (found.size < 2) {
    const places = [plan.from, plan.to];
    await collect(
      mark,
      {
        keyFiles: places.flatMap((place) => ('file' in place ? [place.file] : [])),
        saltFiles: places.flatMap((place) => ('saltFile' in place ? [place.saltFile] : [])),
        passphrases: sources.passphrases,
        tokenKeys: places.flatMap((place) => ('tokenFile' in place ? [place] : [])),
        ...(sources.tokens && { tokens: sources.tokens }),
        ...(sources.storeId !== undefined && { storeId: sources.storeId }),
      },
      found,
      troubles,
    );
  }
  const [from, to] = [of(found, mark.fromId), of(found, mark.toId)];
  if (!to) throw missing(mark, `the new root key is not there (${describe(plan.to)})`, troubles);
  if (!from && !mark.isSettled) {
    throw missing(mark, `the old root key is not there (${describe(plan.from)})`, troubles);
  }
  // FMT-ROT-1: the key of that id must be the very one that the mark was made with.
  mark.open(to);
  if (from && !mark.isSettled) mark.open(from);
  return { from, to, plan };
}

const of = (found: ReadonlyMap<string, RootKey>, id: Buffer): RootKey | undefined => found.get(id.toString('hex'));

function describe(place: RootKeyPlace): string {
  if ('file' in place) return `it was ${fileOf(place)}`;
  if ('saltFile' in place) return `it came from a passphrase with the salt in ${fileOf(place)}`;
  return `it was ${fileOf(place)}, wrapped in the token ${place.uri}`;
}

function missing(mark: RotationMark, what: string, troubles: readonly string[]): RootKeyError {
  const ids = `old id ${mark.fromId.toString('hex')}, new id ${mark.toId.toString('hex')}`;
  return new RootKeyError(
    `${[what, ...troubles, ids].join('; ')}. Set COFFER_ROOT_KEY_FILE, COFFER_ROOT_KEY_PASSPHRASE or COFFER_ROOT_KEY_PKCS11 as before, and COFFER_NEW_ROOT_KEY_PASSPHRASE or COFFER_NEW_ROOT_KEY_PKCS11_PIN_FILE where the new key comes from a passphrase or another token`,
  );
}

/** Adds those that have one of the two ids. */
async function collect(
  mark: RotationMark,
  sources: KeySources,
  found: Map<string, RootKey>,
  troubles: string[],
): Promise<void> {
  const wanted = [mark.fromId, mark.toId].map((id) => id.toString('hex'));
  const keep = (key: RootKey): void => {
    const id = key.id.toString('hex');
    if (wanted.includes(id) && !found.has(id)) found.set(id, key);
    else key.dispose();
  };
  const all = (): boolean => wanted.every((id) => found.has(id));
  for (const file of await present(sources.keyFiles, mark)) {
    if (!all()) keep(await loadOrCreateRootKey({ file, create: false }));
  }
  for (const saltFile of await present(sources.saltFiles, mark)) {
    for (const passphrase of sources.passphrases) {
      if (!all()) keep(await loadOrCreateRootKey({ passphrase, saltFile, create: false }));
    }
  }
  const { tokens, tokenKeys = [], storeId = '' } = sources;
  for (const { tokenFile: path, uri } of tokenKeys) {
    for (const tokenFile of await present([path], mark)) {
      if (all() || !tokens) continue;
      try {
        keep(await loadOrCreateRootKey({ token: tokens.of(uri), tokenFile, storeId, create: false }));
      } catch (error) {
        if (!(error instanceof RootKeyError)) throw error;
        // The other key's file may lie beside it; what is wrong with the token is told where a key is missing at last.
        if (!(error instanceof NotWrappedHere)) troubles.push(error.message);
      }
    }
  }
}

async function present(paths: string[], { fromId }: RotationMark): Promise<string[]> {
  const names = new Set(paths.flatMap((path) => [path, nextOf(path), oldOf(path, fromId)]));
  const there = await Promise.all([...names].map((name) => exists(name)));
  return [...names].filter((_, i) => there[i]);
}
