import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ArgumentSpec, Command } from './command.js';
import { UsageError } from './errors.js';

type Named = [name: string, spec: ArgumentSpec];
type Values = Record<string, string | number | boolean | undefined>;

const specsOf = (command: Command): Named[] => Object.entries(command.arguments as Record<string, ArgumentSpec>);
const isPositional = ([, spec]: Named): boolean => spec.kind !== 'flag' && spec.positional === true;
const isRequired = (spec: ArgumentSpec): boolean => spec.kind !== 'flag' && spec.required === true;

/** `toFile` → `to-file`. */
const optionName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A secret is typed as the file that holds it. */
const typedName = (name: string, spec: ArgumentSpec): string =>
  spec.kind === 'secret' ? `${optionName(name)}-file` : optionName(name);

/** What a person types: `coffer root-key rotate [--to-file PATH] [--resume]`. */
export function usageOf(command: Command): string {
  const words = specsOf(command).map(([name, spec]) => {
    if (spec.kind === 'flag') return `[--${optionName(name)}]`;
    const word = spec.positional ? spec.placeholder : `--${typedName(name, spec)} ${spec.placeholder}`;
    if (spec.kind === 'secret') return `[${word}]`;
    return spec.required ? word : `[${word}]`;
  });
  return ['coffer', command.noun, command.verb, ...words].join(' ');
}

/** Usage, what the command does, and a line for each argument. */
export function helpOf(command: Command): string {
  const rows = specsOf(command).map((one): [string, string] => {
    const [name, spec] = one;
    const shown = isPositional(one) ? (spec as { placeholder: string }).placeholder : `--${typedName(name, spec)}`;
    return [
      shown,
      spec.kind === 'secret' ? `file that holds ${spec.summary}; asked for where it is absent` : spec.summary,
    ];
  });
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const lines = rows.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`);
  return `usage: ${usageOf(command)} [--json] [--url URL]\n\n${command.summary}\n${lines.length ? `\n${lines.join('\n')}\n` : ''}`;
}

/** From the words behind noun and verb. `options` are the caller's own. @throws UsageError */
export function parseArguments<O extends Record<string, { type: 'string' | 'boolean' }>>(
  command: Command,
  words: string[],
  options: O,
): { values: Values; own: Record<keyof O, string | boolean | undefined> } {
  const specs = specsOf(command);
  const named = specs.filter((one) => !isPositional(one));
  const places = specs.filter(isPositional);
  const declared = Object.fromEntries(
    named.map(([name, spec]) => [
      typedName(name, spec),
      { type: spec.kind === 'flag' ? 'boolean' : 'string' } as const,
    ]),
  );
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: words, options: { ...declared, ...options }, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0]!);
  }
  const extra = parsed.positionals[places.length];
  if (extra !== undefined) throw new UsageError(`unexpected argument ${extra}`);
  const raw: Record<string, unknown> = {};
  for (const [i, [name]] of places.entries()) raw[name] = parsed.positionals[i];
  for (const [name, spec] of named) raw[name] = fromText(parsed.values[typedName(name, spec)], spec, name);
  const own = Object.fromEntries(Object.keys(options).map((name) => [name, parsed.values[name]]));
  if (own.help === true) return { values: {}, own: own as never };
  return { values: checkArguments(command, raw, MISSING_SECRETS), own: own as never };
}

function fromText(value: unknown, spec: ArgumentSpec, name: string): unknown {
  if (typeof value !== 'string') return value;
  if (spec.kind === 'secret') return secretIn(value);
  if (spec.kind === 'path') return resolve(value);
  if (spec.kind !== 'integer') return value;
  if (!/^\d{1,15}$/.test(value)) throw new UsageError(`--${optionName(name)} is not a whole number`);
  return Number(value);
}

export const hasSecrets = (command: Command): boolean => specsOf(command).some(([, { kind }]) => kind === 'secret');

/** What is left to be asked for on the terminal. */
export const missingSecrets = (command: Command, values: Values): Named[] =>
  specsOf(command).filter(([name, { kind }]) => kind === 'secret' && values[name] === undefined);

/** @throws UsageError */
function secretIn(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return text.replace(/\r?\n$/, '');
}

const MISSING_SECRETS = { secretsMayBeMissing: true };

/** Types and presence, for values from anywhere; unknown names are refused. @throws UsageError */
export function checkArguments(
  command: Command,
  raw: Readonly<Record<string, unknown>>,
  { secretsMayBeMissing = false } = {},
): Values {
  const specs = new Map(specsOf(command));
  for (const name of Object.keys(raw)) {
    if (!specs.has(name)) throw new UsageError(`unknown argument ${JSON.stringify(name)}`);
  }
  const values: Values = {};
  for (const [name, spec] of specs) {
    const value = raw[name];
    if (value === undefined) {
      if (isRequired(spec) && !(secretsMayBeMissing && spec.kind === 'secret'))
        throw new UsageError(`${isPositional([name, spec]) ? name : `--${optionName(name)}`} is missing`);
      values[name] = spec.kind === 'flag' ? false : undefined;
    } else {
      values[name] = ofKind(value, spec, name);
    }
  }
  return values;
}

function ofKind(value: unknown, { kind }: ArgumentSpec, name: string): string | number | boolean {
  if (kind === 'flag' && typeof value === 'boolean') return value;
  if (kind === 'integer' && Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  if ((kind === 'text' || kind === 'path' || kind === 'secret') && typeof value === 'string' && value !== '')
    return value;
  throw new UsageError(`argument ${name} is not a ${kind}`);
}
