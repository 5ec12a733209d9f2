import { randomBytes } from 'node:crypto';
import { Secret } from '../base/secret.js';

const SECRET_BYTES = 32;

/** How a destruction secret stands in a file: the first word of its line, and how many bytes follow. */
export interface SecretLine {
  marker: string;
  bytes: number;
}

/** In clear. */
const PLAIN: SecretLine = { marker: 'coffer-destruction-secret-v1', bytes: SECRET_BYTES };

/** Stands for the previous secret of a file that had none. */
const NONE = 'none';

/** What the key-store file is sealed under besides the root key; undefined in key files from before there were such secrets. */
export type DestructionSecret = Secret | undefined;

export const newDestructionSecret = (): Secret => new Secret(randomBytes(SECRET_BYTES));

export interface KeyFileContent {
  /** The root key, also wrapped, or the salt of a passphrase. */
  content: Buffer;
  /** The one of now, and the previous one as long as its replacement hasn't ended; as they stand in the file. */
  secrets: readonly DestructionSecret[];
}

/** Lines of a marker, a space and base64: the content, then the destruction secrets (FORMAT.md, "Root key"). */
export function encodeKeyFile(marker: string, { content, secrets }: KeyFileContent, line = PLAIN): string {
  const lines = [`${marker} ${content.toString('base64')}`];
  if (secrets.length > 1 || secrets[0]) {
    for (const secret of secrets) lines.push(`${line.marker} ${secret?.expose().toString('base64') ?? NONE}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Undefined where it is anything else. `bytes`: length of the content. */
export function decodeKeyFile(text: string, marker: string, bytes: number, line = PLAIN): KeyFileContent | undefined {
  const [first = '', now, previous, ...more] = text.replace(/\n$/, '').split('\n');
  const content = decodeLine(first, marker, bytes);
  if (!content || more.length > 0) return undefined;
  if (now === undefined) return { content, secrets: [undefined] };
  const secret = decodeLine(now, line.marker, line.bytes);
  if (!secret) return undefined;
  if (previous === undefined) return { content, secrets: [new Secret(secret)] };
  if (previous === `${line.marker} ${NONE}`) return { content, secrets: [new Secret(secret), undefined] };
  const before = decodeLine(previous, line.marker, line.bytes);
  return before && { content, secrets: [new Secret(secret), new Secret(before)] };
}

function decodeLine(text: string, marker: string, bytes: number): Buffer | undefined {
  const match = /^(\S+) ([A-Za-z0-9+/]+=*)$/.exec(text);
  const content = Buffer.from(match?.[2] ?? '', 'base64');
  // Re-encoding refuses base64 that decodes and yet was changed.
  const isWhole = match?.[1] === marker && content.length === bytes && content.toString('base64') === match[2];
  return isWhole ? content : undefined;
}
