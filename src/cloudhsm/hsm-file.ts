import { accessSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ConfigError } from '../base/config-error.js';

/** `COFFER_HSM_FILE`: what members of clusters are made of. */
export interface HsmFile {
  /** The PKCS#11 library. */
  library: string;
  /** For SoftHSM: the folder in which every member's token gets a folder of its own, and backups theirs. */
  tokens: string | undefined;
  /** Or numbers of existing slots of the library, one a member. */
  slots: readonly number[];
  /** A key store's keys may lie in one member alone: for trials. */
  allowSingleMember: boolean;
  /** How long a member may take for one call before its process is ended. */
  memberTimeoutMs: number;
}

const MEMBERS = ['library', 'tokens', 'slots', 'allowSingleMember', 'memberTimeoutMs'];
const TIMEOUT_MS = 2000;

/** @throws ConfigError, one line */
export function readHsmFile(path: string): HsmFile {
  const fail = (why: string): never => {
    throw new ConfigError(`COFFER_HSM_FILE ${path}: ${why}`);
  };
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    fail(error instanceof SyntaxError ? 'is not JSON' : `can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) fail('is not a JSON object');
  for (const name of Object.keys(json)) {
    if (!MEMBERS.includes(name)) fail(`has a member ${JSON.stringify(name)} that isn't known`);
  }
  const { library, tokens, slots, allowSingleMember = false, memberTimeoutMs = TIMEOUT_MS } = json;
  if (typeof library !== 'string' || !isAbsolute(library)) fail('library is not an absolute path');
  if ((tokens === undefined) === (slots === undefined)) fail('needs either tokens (a folder) or slots (numbers)');
  if (tokens !== undefined && (typeof tokens !== 'string' || !isAbsolute(tokens) || /[\r\n]/.test(tokens))) {
    fail('tokens is not an absolute path');
  }
  const numbers = slots ?? [];
  if (!Array.isArray(numbers) || !numbers.every((one) => Number.isSafeInteger(one) && one >= 0)) {
    fail('slots are not whole numbers');
  }
  if (new Set(numbers as number[]).size !== (numbers as number[]).length) fail('slots names one twice');
  if (typeof allowSingleMember !== 'boolean') fail('allowSingleMember is neither true nor false');
  if (!Number.isSafeInteger(memberTimeoutMs) || (memberTimeoutMs as number) < 100) {
    fail('memberTimeoutMs is not a whole number of at least 100');
  }
  try {
    accessSync(library as string);
  } catch {
    fail(`there is no library ${library}`);
  }
  return {
    library: library as string,
    tokens: tokens as string | undefined,
    slots: numbers as number[],
    allowSingleMember: allowSingleMember as boolean,
    memberTimeoutMs: memberTimeoutMs as number,
  };
}
