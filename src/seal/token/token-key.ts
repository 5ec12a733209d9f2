import { randomBytes } from 'node:crypto';
import { lengthPrefixed, utf8 } from '../../base/bytes.js';
import { Secret } from '../../base/secret.js';
import { TokenRefused } from '../../pkcs11/process.js';
import { DestructionSecrets } from '../destruction-secrets.js';
import { type KeyFile, loadOrCreateKeyFile, RootKeyError } from '../key-file.js';
import type { DestructionSecret } from '../key-file-text.js';
import type { KeyToken, TokenSession } from './ports.js';
import { NO_DESTRUCTION_KEY, NOT_OPENED } from './protocol.js';
import { OWNER_BYTES, SECRET_MARKER, sealSecret, TokenSecretKeeper, WRAPPED_SECRET_BYTES } from './token-secrets.js';
import { joined, openedAt, SEALING_BYTES } from './wrapped.js';

const MARKER = 'coffer-root-token-v1';
const ROOT_KEY_BYTES = 32;
const CONTENT_BYTES = OWNER_BYTES + SEALING_BYTES + ROOT_KEY_BYTES;

/** The file was wrapped under another key, or changed. */
export class NotWrappedHere extends RootKeyError {}

/** Of the file (FORMAT.md, "Root key"). `storeId`: whose destruction keys they are. */
export interface TokenKeyPlace {
  file: string;
  storeId: string;
  /** Whether an absent file is made, with another root key. */
  create: boolean;
}

/** @throws RootKeyError, one line; NotWrappedHere */
export async function loadOrCreateTokenKey(
  token: KeyToken,
  { file, storeId, create }: TokenKeyPlace,
): Promise<{ key: Secret; destruction: DestructionSecrets }> {
  const line = { marker: SECRET_MARKER, bytes: WRAPPED_SECRET_BYTES };
  const keyFile: KeyFile = { file, marker: MARKER, bytes: CONTENT_BYTES, secret: false, line };
  const existing = create ? undefined : await loadOrCreateKeyFile(keyFile);
  return token.use(async (session) => {
    const make = () => newContent(session, storeId);
    const { content, secrets } = existing ?? (await loadOrCreateKeyFile({ ...keyFile, make }));
    const owner = content.subarray(0, OWNER_BYTES);
    const keeper = new TokenSecretKeeper(token, storeId, Buffer.from(owner));
    const key = await unwrapRootKey(session, file, content);
    const opened = await openSecrets(session, keeper, file, secrets);
    await keeper.look(session, secrets);
    return { key, destruction: new DestructionSecrets(keyFile, new Secret(content), opened, keeper) };
  });
}

const aadOf = (owner: Buffer): Buffer => Buffer.concat([utf8(MARKER), owner].map(lengthPrefixed));

async function newContent(session: TokenSession, storeId: string) {
  const owner = randomBytes(OWNER_BYTES);
  const key = randomBytes(ROOT_KEY_BYTES);
  const secret = new Secret(randomBytes(32));
  try {
    const wrapped = await joined((iv) => session.wrap({ iv, aad: aadOf(owner), plaintext: key }));
    const line = await sealSecret(session, storeId, owner, secret);
    return { content: Buffer.concat([owner, wrapped]), secrets: [line] };
  } finally {
    key.fill(0);
    secret.dispose();
  }
}

async function unwrapRootKey(session: TokenSession, file: string, content: Buffer): Promise<Secret> {
  const owner = content.subarray(0, OWNER_BYTES);
  try {
    return await openedAt(content, OWNER_BYTES, (iv, ciphertext) =>
      session.unwrap({ iv, aad: aadOf(owner), ciphertext }),
    );
  } catch (error) {
    if (!(error instanceof TokenRefused) || error.code !== NOT_OPENED) throw error;
    throw new NotWrappedHere(`${file} is damaged, or was wrapped under another key than the token's`);
  }
}

/** FMT-TOKEN-2. */
async function openSecrets(
  session: TokenSession,
  keeper: TokenSecretKeeper,
  file: string,
  lines: readonly DestructionSecret[],
): Promise<DestructionSecret[]> {
  const [now, ...before] = lines;
  if (!now) throw new RootKeyError(`${file} is not a file of the format ${MARKER}`);
  const opened: DestructionSecret[] = [];
  for (const line of [now, ...before]) {
    try {
      if (line) opened.push(await keeper.open(session, line));
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      if (error.code === NOT_OPENED) throw new RootKeyError(`${file} is damaged: a destruction secret does not open`);
      if (error.code !== NO_DESTRUCTION_KEY) throw error;
      if (line === now) throw new RootKeyError(gone(file));
    }
  }
  return opened;
}

const gone = (file: string): string =>
  `the destruction key of ${file} is in the token no more: this file is from before a KMS key was destroyed, here or by a copy of this store`;
