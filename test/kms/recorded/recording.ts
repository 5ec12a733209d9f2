import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { referenceFile } from '../../support/reference.js';
import { ACCOUNT, type Answer, REGION } from '../harness.js';

/** Answers that AWS itself gave, recorded by the LocalStack project's tests (Apache-2.0). */
const FILE = referenceFile('aws-recorded/test_kms.snapshot.json');
export const present = FILE !== undefined;

type Json = Record<string, unknown>;

/** By the name of the test that recorded them: its answers, in the order they were given. */
export const RECORDINGS: ReadonlyMap<string, Json> = FILE
  ? new Map(
      Object.entries(JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, { 'recorded-content': Json }>).map(
        ([name, value]) => [name.split('::').at(-1)!, value['recorded-content']],
      ),
    )
  : new Map();

/** What stands in the recordings for bytes. */
const BASE64_NAMES = new Set([
  'ciphertext-blob',
  'plaintext',
  'private-key-ciphertext-blob',
  'private-key-plaintext',
  'public-key',
  'shared-secret',
  'import-token',
  '<signature>',
  '<mac>',
]);
/** What AWS has added to its answers since some were recorded: the API model has it. */
const ADDED_SINCE = new Set(['KeyMaterialId', 'SourceKeyMaterialId', 'DestinationKeyMaterialId']);
const NUMBERED = /<[a-z-]+:\d+>/g;

/** The answers of one recorded test, compared one by one with Coffer's. */
export class Recording {
  readonly #compared = new Set<string>();
  /** `<key-id:1>` stands for one value throughout a test. */
  readonly #bound = new Map<string, string>();

  constructor(
    readonly name: string,
    private readonly answers: Json,
  ) {}

  /** Status, code, message and every member. `names`: what placeholders without a number stand for. */
  match(entry: string, answer: Answer, names: Record<string, string> = {}): void {
    const recorded = this.answers[entry] as Json | undefined;
    if (!recorded) throw new Error(`${this.name} has no answer ${entry}`);
    const { ResponseMetadata, Error: error, message: _, ...members } = recorded;
    const { HTTPStatusCode } = (ResponseMetadata ?? { HTTPStatusCode: 200 }) as { HTTPStatusCode: number };
    expect([entry, answer.status, answer.json.__type]).toEqual([
      entry,
      HTTPStatusCode,
      (error as { Code: string } | undefined)?.Code,
    ]);
    if (error) {
      const { Message } = error as { Message: string };
      // Where AWS gives no message the member is absent.
      const expected = Message === '' ? {} : { message: Message };
      this.#same(expected, { ...answer.json, __type: undefined }, entry, names);
    } else this.#same(members, answer.json, entry, names);
    this.#compared.add(entry);
  }

  /** What the recording test had picked out of an answer. */
  matchValue(entry: string, value: unknown, names: Record<string, string> = {}): void {
    if (!(entry in this.answers)) throw new Error(`${this.name} has no answer ${entry}`);
    this.#same(this.answers[entry], value, entry, names);
    this.#compared.add(entry);
  }

  /** Recorded answers that nothing was compared with. */
  get left(): string[] {
    return Object.keys(this.answers).filter((entry) => !this.#compared.has(entry));
  }

  #same(recorded: unknown, actual: unknown, at: string, names: Record<string, string>): void {
    if (typeof recorded === 'string') {
      this.#sameText(recorded, actual, at, names);
      return;
    }
    if (typeof recorded !== 'object' || recorded === null) {
      expect(actual, at).toBe(recorded);
      return;
    }
    if (Array.isArray(recorded)) {
      expect(Array.isArray(actual) && actual.length, at).toBe(recorded.length);
      for (const [i, one] of recorded.entries()) this.#same(one, (actual as unknown[])[i], `${at}[${i}]`, names);
      return;
    }
    expect(typeof actual, at).toBe('object');
    const found = actual as Json;
    const more = Object.keys(found).filter((key) => found[key] !== undefined && !(key in recorded));
    expect(
      more.filter((key) => !ADDED_SINCE.has(key)),
      `members of ${at}`,
    ).toEqual([]);
    for (const [key, value] of Object.entries(recorded)) this.#same(value, found[key], `${at}.${key}`, names);
  }

  #sameText(recorded: string, actual: unknown, at: string, names: Record<string, string>): void {
    // Seconds since the epoch, in the JSON protocol.
    if (recorded === 'datetime') {
      expect(actual, at).toEqual(expect.any(Number));
      return;
    }
    expect(typeof actual, at).toBe('string');
    const text = actual as string;
    if (BASE64_NAMES.has(recorded)) {
      expect(text, at).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
      return;
    }
    let wanted = recorded.replaceAll('<partition>', 'aws').replaceAll('<region>', REGION);
    for (const [name, value] of Object.entries(names)) wanted = wanted.replaceAll(name, value);
    for (const name of wanted.match(NUMBERED) ?? []) {
      if (!this.#bound.has(name)) this.#bound.set(name, this.#standsFor(name, wanted, text, at));
      wanted = wanted.replaceAll(name, this.#bound.get(name)!);
    }
    expect(text, at).toBe(wanted);
  }

  /** The part of `text` where `wanted` has the placeholder. */
  #standsFor(name: string, wanted: string, text: string, at: string): string {
    const [before, after] = [wanted.slice(0, wanted.indexOf(name)), wanted.slice(wanted.indexOf(name) + name.length)];
    expect(text.startsWith(before) && text.endsWith(after), `${at}: ${text} is no ${wanted}`).toBe(true);
    const value = text.slice(before.length, text.length - after.length);
    expect([...this.#bound.values()], `${at}: another value than before`).not.toContain(value);
    return value;
  }
}

export const arnOf = (keyId: string, region = REGION): string => `arn:aws:kms:${region}:${ACCOUNT}:key/${keyId}`;
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Replays what a recorded test did. */
export type Scenario = (recording: Recording) => Promise<void>;
/** By the name of the test, without its parameters, which the scenario is given. */
export type Scenarios = Record<string, (recording: Recording, ...parameters: string[]) => Promise<void>>;
