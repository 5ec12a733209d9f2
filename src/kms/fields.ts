import { isContext } from '../encryption/context.js';
import type { EncryptionContext, KmsError } from '../encryption/ports.js';
import { constraint, serialization, validation } from './errors.js';
import { readGrantToken } from './grants.js';

/** KeyIdType of the API model. */
export const KEY_ID = { min: 1, max: 2048 };
/** RegionType of the API model. */
export const KEY_REGION = { min: 1, max: 32, pattern: '^([a-z]+-){2,3}\\d+$' };
/** An encryption context is bounded by what its JSON takes. https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html */
const CONTEXT_MAX_BYTES = 8192;
const GRANT_TOKENS_MAX = 10;
/** GrantTokenType of the API model. */
export const GRANT_TOKEN = { min: 1, max: 8192 };

/** As far as dates go in ECMAScript. */
const DATE_MAX_SECONDS = 8.64e12;

/** `pattern`: as the API model writes it. */
export interface TextLimits {
  min?: number;
  max: number;
  pattern?: string;
  /** Let through although AWS's pattern forbids it. */
  besides?: RegExp;
  /** The value is never put into a message. */
  sensitive?: true;
}

/** The JSON body of a request, read member by member with AWS's validation and its words. */
export class Input {
  readonly #known = new Set<string>();

  /** `of`: which structure it is, where it isn't the request itself. */
  constructor(
    private readonly json: Readonly<Record<string, unknown>>,
    private readonly of = 'request',
  ) {}

  text(member: string, limits: TextLimits): string | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw serialization();
    const at = camel(member);
    const shown = limits.sensitive ? undefined : value;
    if (value.length < (limits.min ?? 0)) {
      throw constraint(shown, at, `Member must have length greater than or equal to ${limits.min}`);
    }
    if (value.length > limits.max)
      throw constraint(shown, at, `Member must have length less than or equal to ${limits.max}`);
    const { pattern, besides } = limits;
    if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(value) && !besides?.test(value)) {
      throw constraint(shown, at, `Member must satisfy regular expression pattern: ${pattern}`);
    }
    return value;
  }

  requiredText(member: string, limits: TextLimits): string {
    const value = this.text(member, limits);
    if (value === undefined) throw missing(member);
    return value;
  }

  integer(member: string, limits: { min: number; max: number }): number | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) throw serialization();
    const at = camel(member);
    if (value < limits.min)
      throw constraint(String(value), at, `Member must have value greater than or equal to ${limits.min}`);
    if (value > limits.max)
      throw constraint(String(value), at, `Member must have value less than or equal to ${limits.max}`);
    return value;
  }

  boolean(member: string): boolean | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean') throw serialization();
    return value;
  }

  /** Base64. The value is never put into a message. */
  blob(member: string, limits: { min: number; max: number }): Buffer | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    // Node skips what isn't base64: half a plaintext would be encrypted.
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw serialization();
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length < limits.min) {
      throw constraint(undefined, camel(member), `Member must have length greater than or equal to ${limits.min}`);
    }
    if (bytes.length > limits.max) {
      throw constraint(undefined, camel(member), `Member must have length less than or equal to ${limits.max}`);
    }
    return bytes;
  }

  requiredBlob(member: string, limits: { min: number; max: number }): Buffer {
    const value = this.blob(member, limits);
    if (value === undefined) throw missing(member);
    return value;
  }

  requiredOneOf<T extends string>(member: string, values: readonly T[], shown: readonly string[] = values): T {
    const value = this.oneOf(member, values, shown);
    if (value === undefined) throw missing(member);
    return value;
  }

  /** `shown`: the values as AWS lists them. */
  oneOf<T extends string>(member: string, values: readonly T[], shown: readonly string[] = values): T | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw serialization();
    if (!(values as readonly string[]).includes(value)) {
      throw constraint(value, camel(member), `Member must satisfy enum value set: [${shown.join(', ')}]`);
    }
    return value as T;
  }

  context(member: string): EncryptionContext {
    const value = this.#value(member);
    if (value === undefined || value === null) return {};
    if (!isContext(value)) throw serialization();
    if (Buffer.byteLength(JSON.stringify(value)) > CONTEXT_MAX_BYTES) {
      throw validation(`Encryption context is too large: at most ${CONTEXT_MAX_BYTES} bytes are allowed.`);
    }
    return value;
  }

  /** Grants are effective at once, so a token adds nothing; what isn't one is refused all the same. Never put into a message. */
  grantTokens(): undefined {
    const tokens = this.#texts('GrantTokens') ?? [];
    if (tokens.length > GRANT_TOKENS_MAX) {
      throw constraint(undefined, 'grantTokens', `Member must have length less than or equal to ${GRANT_TOKENS_MAX}`);
    }
    if (tokens.some((token) => token.length < GRANT_TOKEN.min || token.length > GRANT_TOKEN.max)) {
      throw constraint(undefined, 'grantTokens', eachLength(GRANT_TOKEN));
    }
    for (const token of tokens) readGrantToken(token);
    return undefined;
  }

  /** Seconds since the epoch, as the JSON protocol writes dates. Milliseconds. */
  timestamp(member: string): number | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw serialization();
    if (Math.abs(value) > DATE_MAX_SECONDS) throw constraint(undefined, camel(member), 'Member must be a date');
    return Math.round(value * 1000);
  }

  /** A structure; undefined where it is absent. */
  structure(member: string): Input | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) throw serialization();
    return new Input(value as Record<string, unknown>, member);
  }

  list(member: string): Readonly<Record<string, unknown>>[] | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) throw serialization();
    for (const one of value) if (typeof one !== 'object' || one === null || Array.isArray(one)) throw serialization();
    return value as Readonly<Record<string, unknown>>[];
  }

  requiredList(member: string): Readonly<Record<string, unknown>>[] {
    const value = this.list(member);
    if (value === undefined) throw missing(member);
    return value;
  }

  /** Texts of such a length each. */
  requiredTexts(member: string, limits: { min: number; max: number }): string[] {
    const value = this.#texts(member);
    if (value === undefined) throw missing(member);
    if (value.some((one) => one.length < limits.min || one.length > limits.max)) {
      throw constraint(`[${value.join(', ')}]`, camel(member), eachLength(limits));
    }
    return value;
  }

  /** Some of these values. */
  someOf<T extends string>(member: string, values: readonly T[]): T[] | undefined {
    const value = this.#texts(member);
    if (value?.every((one) => (values as readonly string[]).includes(one)) === false) {
      const rule = `Member must satisfy constraint: [Member must satisfy enum value set: [${values.join(', ')}]]`;
      throw constraint(`[${value.join(', ')}]`, camel(member), rule);
    }
    return value as T[] | undefined;
  }

  requiredSomeOf<T extends string>(member: string, values: readonly T[]): T[] {
    const value = this.someOf(member, values);
    if (value === undefined) throw missing(member);
    return value;
  }

  has(member: string): boolean {
    const value = this.#value(member);
    return value !== undefined && value !== null;
  }

  /**
   * Once all has been read: what is left nobody understood, and it may have narrowed what was asked for, as `DryRun` and the
   * constraints of a grant do. AWS ignores it. @throws ValidationException
   */
  requireAllRead(): void {
    for (const member in this.json) {
      if (this.#known.has(member) || this.json[member] === null) continue;
      // Its name may be anything: only what looks like one is repeated.
      const name = /^\w{1,64}$/.test(member) ? ` ${member}` : '';
      throw validation(`The ${this.of} has a member${name} that this version of Coffer does not know.`);
    }
  }

  /** Names of the members that were asked for. */
  get known(): ReadonlySet<string> {
    return this.#known;
  }

  #value(member: string): unknown {
    this.#known.add(member);
    return this.json[member];
  }

  #texts(member: string): string[] | undefined {
    const value = this.#value(member);
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value) || value.some((one) => typeof one !== 'string')) throw serialization();
    return value;
  }
}

/** AWS's words where an element of a list is too short or too long. */
const eachLength = ({ min, max }: { min: number; max: number }): string =>
  `Member must satisfy constraint: [Member must have length less than or equal to ${max}, Member must have length greater than or equal to ${min}]`;

const camel = (member: string): string => member[0]!.toLowerCase() + member.slice(1);
const missing = (member: string): KmsError => missingAt(camel(member));

/** `at`: where, as AWS writes it. */
export const missingAt = (at: string): KmsError =>
  validation(
    `1 validation error detected: Value null at '${at}' failed to satisfy constraint: Member must not be null`,
  );
