import { describe, expect, test } from 'vitest';
import { ACTIONS } from '../../src/kms/registry.js';
import { apiModel, type Shape } from '../support/api-model.js';
import { makeKms } from './harness.js';

const model = apiModel('kms');
/** What the documentation says against the model, or AWS's own words against both. */
const OTHER_LIMITS: Record<string, { min: number; max: number }> = {
  'ListAliases.Limit': { min: 1, max: 100 },
  'ListGrants.Limit': { min: 1, max: 100 },
  'ListRetirableGrants.Limit': { min: 1, max: 100 },
  'ListResourceTags.Limit': { min: 1, max: 50 },
  'ScheduleKeyDeletion.PendingWindowInDays': { min: 7, max: 30 },
};
/** AWS's recorded messages list fewer values than the model. */
const RECORDED_ENUMS = new Set(['CreateKey.KeySpec', 'CreateKey.CustomerMasterKeySpec', 'CreateKey.KeyUsage']);

/** What the model doesn't require, or has less against than AWS. */
const ALSO_NEEDED: Record<string, object> = {
  CreateAlias: { AliasName: 'alias/a' },
  UpdateAlias: { AliasName: 'alias/a' },
  DeleteAlias: { AliasName: 'alias/a' },
  CreateGrant: { GranteePrincipal: 'a' },
  ListRetirableGrants: { RetiringPrincipal: 'a' },
  Decrypt: { CiphertextBlob: 'YQ==' },
  ReEncrypt: { CiphertextBlob: 'YQ==' },
  GenerateDataKey: { KeySpec: 'AES_256' },
  GenerateDataKeyWithoutPlaintext: { KeySpec: 'AES_256' },
  ReplicateKey: { ReplicaRegion: 'eu-west-1' },
  UpdatePrimaryRegion: { PrimaryRegion: 'eu-west-1' },
};

const camel = (member: string): string => member[0]!.toLowerCase() + member.slice(1);
const wordsFor = (at: string, rule: string, value?: string): string =>
  `1 validation error detected: Value${value === undefined ? '' : ` ${value}`} at '${at}' failed to satisfy constraint: ${rule}`;

interface Member {
  action: string;
  member: string;
  shape: Shape;
  required: boolean;
}

/** All members of all actions that Coffer has. */
function membersOf(action: string): Member[] {
  const input = model!.shapes[model!.operations[action]!.input.shape]!;
  return Object.entries(input.members!).map(([member, { shape }]) => ({
    action,
    member,
    shape: model!.shapes[shape]!,
    required: input.required?.includes(member) === true,
  }));
}

/** A value that the model has nothing against. */
function sample({ type, min = 0, enum: values, member, required = [], members = {} }: Shape): unknown {
  const shapeOf = (name: string): Shape => model!.shapes[name]!;
  switch (type) {
    case 'string':
      return values?.[0] ?? 'a'.repeat(Math.max(min, 1));
    case 'blob':
      return 'YQ==';
    case 'boolean':
      return false;
    case 'list':
      return [sample(shapeOf(member!.shape))];
    case 'structure':
      return Object.fromEntries(required.map((name) => [name, sample(shapeOf(members[name]!.shape))]));
    case 'map':
      return {};
    default:
      return Math.max(min, 1);
  }
}

const WRONG: Partial<Record<Shape['type'], unknown[]>> = {
  string: [5, {}, ['a'], true],
  blob: [5, 'no base64!', {}],
  boolean: ['true', 1],
  integer: ['1', 1.5, true, {}],
  list: ['a', {}, 5],
  map: ['a', [], { key: 5 }],
  structure: ['a', [], 5],
  timestamp: ['tomorrow', {}],
};

describe.skipIf(!model)('what is wrong with a member is said in AWS’s words', () => {
  const actions = model ? [...ACTIONS.keys()] : [];
  const { ask } = makeKms();
  /** All that the action requires, with one member as given. */
  const asked = (action: string, member?: string, value?: unknown) => {
    const required = membersOf(action).filter((one) => one.required);
    const input = Object.fromEntries(required.map((one) => [one.member, sample(one.shape)]));
    return ask(action, { ...input, ...ALSO_NEEDED[action], ...(member !== undefined && { [member]: value }) });
  };
  const each = async (
    type: (one: Shape) => boolean,
    check: (one: Member) => Promise<number>,
    expected: number,
  ): Promise<void> => {
    let cases = 0;
    for (const one of actions.flatMap(membersOf).filter(({ shape }) => type(shape))) cases += await check(one);
    expect(cases).toBe(expected);
  };
  const refused = async ({ action, member }: Member, value: unknown, message: string): Promise<void> => {
    const { status, json } = await asked(action, member, value);
    expect([action, member, status, json]).toEqual([action, member, 400, { __type: 'ValidationException', message }]);
  };

  test('a required member that is missing or null', async () => {
    let cases = 0;
    for (const action of actions) {
      const required = membersOf(action).filter((one) => one.required);
      const messages = required.map(({ member }) => wordsFor(camel(member), 'Member must not be null', 'null'));
      for (const [i, one] of required.entries()) {
        await refused(one, undefined, messages[i]!);
        await refused(one, null, messages[i]!);
        cases++;
      }
      if (required.length === 0) continue;
      const { json } = await ask(action);
      expect(json.__type).toBe('ValidationException');
      expect(messages).toContain(json.message);
    }
    expect(cases).toBe(80);
  });

  test('a text that is too short or too long', async () => {
    const check = async (one: Member): Promise<number> => {
      const { min = 0, max } = one.shape;
      const at = camel(one.member);
      if (max === undefined) return 0;
      const long = 'a'.repeat(max + 1);
      const shown = (value: string) => (one.shape.sensitive ? undefined : `'${value}'`);
      await refused(one, long, wordsFor(at, `Member must have length less than or equal to ${max}`, shown(long)));
      if (min > 0)
        await refused(one, '', wordsFor(at, `Member must have length greater than or equal to ${min}`, shown('')));
      return 1;
    };
    await each(({ type, enum: values }) => type === 'string' && !values, check, 107);
  });

  test('a text that its pattern forbids', async () => {
    const check = async (one: Member): Promise<number> => {
      const { min = 0, pattern } = one.shape;
      const value = '€'.repeat(Math.max(min, 1));
      const rule = `Member must satisfy regular expression pattern: ${pattern}`;
      await refused(one, value, wordsFor(camel(one.member), rule, `'${value}'`));
      return 1;
    };
    await each(({ pattern }) => pattern !== undefined, check, 41);
  });

  test('bytes that are too few or too many, which are never repeated', async () => {
    const check = async (one: Member): Promise<number> => {
      const { min, max } = one.shape;
      const at = camel(one.member);
      const long = Buffer.alloc(max! + 1).toString('base64');
      await refused(one, long, wordsFor(at, `Member must have length less than or equal to ${max}`));
      await refused(one, '', wordsFor(at, `Member must have length greater than or equal to ${min}`));
      return 1;
    };
    await each(({ type }) => type === 'blob', check, 13);
  });

  test('a number that is too small or too large', async () => {
    const check = async (one: Member): Promise<number> => {
      const { min, max } = OTHER_LIMITS[`${one.action}.${one.member}`] ?? one.shape;
      const at = camel(one.member);
      const least = `Member must have value greater than or equal to ${min}`;
      const most = `Member must have value less than or equal to ${max}`;
      await refused(one, min! - 1, wordsFor(at, least, `'${min! - 1}'`));
      await refused(one, max! + 1, wordsFor(at, most, `'${max! + 1}'`));
      return 1;
    };
    await each(({ type }) => type === 'integer', check, 13);
  });

  test('a value that is none of the set', async () => {
    const check = async (one: Member): Promise<number> => {
      const { json } = await asked(one.action, one.member, 'NONE');
      const stem = wordsFor(camel(one.member), 'Member must satisfy enum value set: [', "'NONE'");
      expect([json.__type, json.message.slice(0, stem.length)]).toEqual(['ValidationException', stem]);
      if (RECORDED_ENUMS.has(`${one.action}.${one.member}`)) return 1;
      const listed = json.message.slice(stem.length, -1).split(', ').sort();
      expect([one.action, one.member, listed]).toEqual([one.action, one.member, [...one.shape.enum!].sort()]);
      return 1;
    };
    await each(({ enum: values }) => values !== undefined, check, 29);
  });

  test('an element of a list', async () => {
    const check = async (one: Member): Promise<number> => {
      const element = model!.shapes[one.shape.member!.shape]!;
      if (element.type !== 'string') return 0;
      const at = camel(one.member);
      const { json } = await asked(one.action, one.member, [element.enum ? 'NONE' : 'a'.repeat(element.max! + 1)]);
      expect([one.action, json.__type]).toEqual([one.action, 'ValidationException']);
      expect(json.message).toContain(
        `at '${at}' failed to satisfy constraint: Member must satisfy constraint: [Member `,
      );
      return 1;
    };
    await each(({ type }) => type === 'list', check, 22);
  });

  test('a member of another type', async () => {
    const check = async ({ action, member, shape }: Member): Promise<number> => {
      const values = WRONG[shape.type] ?? [];
      for (const value of values) {
        const { status, json } = await asked(action, member, value);
        const got = [action, member, value, status, json.__type];
        expect(got).toEqual([action, member, value, 400, 'SerializationException']);
      }
      return values.length;
    };
    await each(() => true, check, 802);
  });
});
