import { invalid, serialization } from './errors.js';

/** `pattern`: as the API model writes it. */
export interface TextRule {
  min?: number;
  max?: number;
  pattern?: RegExp;
}

/** The JSON of a request, read member by member and checked as the API model says. */
export class Fields {
  readonly #known = new Set<string>();

  constructor(private readonly json: Readonly<Record<string, unknown>>) {}

  text(member: string, rule: TextRule): string | undefined {
    const value = this.#value(member);
    if (value === undefined) return undefined;
    return checked(value, rule, camel(member));
  }

  requiredText(member: string, rule: TextRule): string {
    return this.#required(member, this.text(member, rule));
  }

  integer(member: string, min: number, max: number): number | undefined {
    const value = this.#value(member);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) throw serialization();
    if (value < min || value > max) {
      throw constraint(String(value), camel(member), `Member must have value between ${min} and ${max}`);
    }
    return value;
  }

  boolean(member: string): boolean | undefined {
    const value = this.#value(member);
    if (value === undefined) return undefined;
    if (typeof value !== 'boolean') throw serialization();
    return value;
  }

  requiredBoolean(member: string): boolean {
    return this.#required(member, this.boolean(member));
  }

  oneOf<T extends string>(member: string, values: readonly T[]): T | undefined {
    const value = this.text(member, {});
    if (value === undefined || (values as readonly string[]).includes(value)) return value as T | undefined;
    throw constraint(value, camel(member), `Member must satisfy enum value set: [${values.join(', ')}]`);
  }

  texts(member: string, rule: TextRule, min: number, max: number): string[] | undefined {
    const value = this.#value(member);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw serialization();
    if (value.length < min || value.length > max) {
      throw constraint(undefined, camel(member), `Member must have length between ${min} and ${max}`);
    }
    return value.map((one, i) => checked(one, rule, `${camel(member)}.${i + 1}.member`));
  }

  requiredTexts(member: string, rule: TextRule, min: number, max: number): string[] {
    return this.#required(member, this.texts(member, rule, min, max));
  }

  structure(member: string): Fields | undefined {
    const value = this.#value(member);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw serialization();
    return new Fields(value);
  }

  /** Structures of a list. */
  list(member: string, min: number, max: number): Fields[] | undefined {
    const value = this.#value(member);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every(isObject)) throw serialization();
    if (value.length < min || value.length > max) {
      throw constraint(undefined, camel(member), `Member must have length between ${min} and ${max}`);
    }
    return value.map((one) => new Fields(one));
  }

  requiredList(member: string, min: number, max: number): Fields[] {
    return this.#required(member, this.list(member, min, max));
  }

  /** Texts by name. */
  mapOfTexts(member: string, max: number): Map<string, string[]> {
    const value = this.#value(member);
    if (value === undefined) return new Map();
    if (!isObject(value)) throw serialization();
    const entries = Object.entries(value);
    if (entries.length > max) throw constraint(undefined, camel(member), `Member must have length at most ${max}`);
    return new Map(
      entries.map(([name, texts]) => {
        if (!Array.isArray(texts) || texts.some((one) => typeof one !== 'string')) throw serialization();
        return [name, texts as string[]];
      }),
    );
  }

  /** What nobody understood may have narrowed what was asked for. @throws CloudHsmInvalidRequestException */
  requireAllRead(): void {
    for (const [member, value] of Object.entries(this.json)) {
      if (this.#known.has(member) || value === null || value === undefined) continue;
      const name = /^\w{1,64}$/.test(member) ? ` ${member}` : '';
      throw invalid(`The request has a member${name} that this version of Coffer does not know.`);
    }
  }

  #value(member: string): unknown {
    this.#known.add(member);
    return this.json[member] ?? undefined;
  }

  #required<T>(member: string, value: T | undefined): T {
    if (value === undefined) {
      const at = camel(member);
      throw invalid(
        `1 validation error detected: Value null at '${at}' failed to satisfy constraint: Member must not be null`,
      );
    }
    return value;
  }
}

function checked(value: unknown, { min = 0, max = 100_000, pattern }: TextRule, at: string): string {
  if (typeof value !== 'string') throw serialization();
  if (value.length < min) throw constraint(value, at, `Member must have length greater than or equal to ${min}`);
  if (value.length > max) throw constraint(undefined, at, `Member must have length less than or equal to ${max}`);
  if (pattern && !new RegExp(`^(?:${pattern.source})$`, 'u').test(value)) {
    throw constraint(value, at, `Member must satisfy regular expression pattern: ${pattern.source}`);
  }
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const camel = (member: string): string => member[0]!.toLowerCase() + member.slice(1);

const constraint = (value: string | undefined, at: string, rule: string) =>
  invalid(
    `1 validation error detected: Value${value === undefined ? '' : ` '${value}'`} at '${at}' failed to satisfy constraint: ${rule}`,
  );
