import { randomBytes } from 'node:crypto';
import { lengthPrefixed, utf8 } from '../../base/bytes.js';
import { Secret } from '../../base/secret.js';
import { TokenRefused } from '../../pkcs11/process.js';
import { DestructionSecrets } from '../destruction-secrets.js';
import { type KeyFile, loadOrCreateKeyFile, RootKeyError } from '../key-file.js';
import type { KeyToken, TokenSession } from './ports.js';
import { NOT_OPENED } from './protocol.js';
import {
  OWNER_BYTES,
  ROOT_MARKER,
  SECRET_MARKER,
  sealSecret,
  TokenSecretKeeper,
  WRAPPED_SECRET_BYTES,
} from './token-secrets.js';
import { joined, openedAt, SEALING_BYTES } from './wrapped.js';

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
  const keyFile: KeyFile = { file, marker: ROOT_MARKER, bytes: CONTENT_BYTES, secret: false, line };
  const existing = create ? undefined : await loadOrCreateKeyFile(keyFile);
  return token.use(async (session) => {
    const make = () => newContent(session, storeId);
    const { content, secrets } = existing ?? (await loadOrCreateKeyFile({ ...keyFile, make }));
    const owner = content.subarray(0, OWNER_BYTES);
    const keeper = new TokenSecretKeeper(token, storeId, Buffer.from(owner));
    const key = await unwrapRootKey(session, file, content);
    const opened = await keeper.openAll(session, secrets, file);
    await keeper.look(session, secrets);
    return { key, destruction: new DestructionSecrets(keyFile, new Secret(content), opened, keeper) };
  });
}

const aadOf = (owner: Buffer): Buffer => Buffer.concat([utf8(ROOT_MARKER), owner].map(lengthPrefixed));

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
