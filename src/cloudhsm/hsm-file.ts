import { accessSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ConfigError } from '../base/config-error.js';

/** A slot whose token isn't initialized yet, or is, and then its PINs until the cluster's owner sets his own. */
export interface HsmSlot {
  slot: number;
  pinFiles?: { officer: string; user: string };
}

/** `COFFER_HSM_FILE`: what members of clusters are made of. */
export interface HsmFile {
  /** The PKCS#11 library. */
  library: string;
  /** For SoftHSM: the folder in which every member's token gets a folder of its own, and backups theirs. */
  tokens: string | undefined;
  /** Or existing slots of the library, one a member. */
  slots: readonly HsmSlot[];
  /** Variables of the members' processes: where the library finds its own settings. */
  environment: Readonly<Record<string, string>>;
  /** A key store's keys may lie in one member alone: for trials. */
  allowSingleMember: boolean;
  /** How long a member may take for one call before its process is ended. */
  memberTimeoutMs: number;
}

const MEMBERS = ['library', 'tokens', 'slots', 'environment', 'allowSingleMember', 'memberTimeoutMs'];
const SLOT_MEMBERS = ['slot', 'officerPinFile', 'userPinFile'];
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
  const { library, tokens, slots, environment = {}, allowSingleMember = false, memberTimeoutMs = TIMEOUT_MS } = json;
  if (typeof library !== 'string' || !isAbsolute(library)) fail('library is not an absolute path');
  if ((tokens === undefined) === (slots === undefined)) fail('needs either tokens (a folder) or slots');
  if (tokens !== undefined && (typeof tokens !== 'string' || !isAbsolute(tokens) || /[\r\n]/.test(tokens))) {
    fail('tokens is not an absolute path');
  }
  if (slots !== undefined && !Array.isArray(slots)) fail('slots is not a list');
  const read = ((slots ?? []) as unknown[]).map((one) => slotOf(one) ?? fail(NO_SLOT));
  if (new Set(read.map(({ slot }) => slot)).size !== read.length) fail('slots names one twice');
  if (!isEnvironment(environment)) fail('environment is not an object of names and texts');
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
    slots: read,
    environment: environment as Record<string, string>,
    allowSingleMember: allowSingleMember as boolean,
    memberTimeoutMs: memberTimeoutMs as number,
  };
}

const NO_SLOT =
  'slots are neither whole numbers nor { "slot", "officerPinFile", "userPinFile" } with a number and absolute paths';

function slotOf(one: unknown): HsmSlot | undefined {
  const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const isPath = (value: unknown): value is string => typeof value === 'string' && isAbsolute(value);
  if (isNumber(one)) return { slot: one };
  if (typeof one !== 'object' || one === null || Object.keys(one).some((name) => !SLOT_MEMBERS.includes(name))) {
    return undefined;
  }
  const { slot, officerPinFile: officer, userPinFile: user } = one as Record<string, unknown>;
  return isNumber(slot) && isPath(officer) && isPath(user) ? { slot, pinFiles: { officer, user } } : undefined;
}

const isEnvironment = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(([name, text]) => /^[A-Za-z_]\w*$/.test(name) && typeof text === 'string');
