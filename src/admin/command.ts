import type { Message } from './message.js';
import type { DataContext, EnginesContext, OfflineContext } from './ports.js';

/** One argument of a command. On the command line `toFile` is `--to-file`, in a request's JSON it is `toFile`. */
export type ArgumentSpec =
  | { kind: 'flag'; summary: string }
  | {
      /** `path` is made absolute where it was typed. */
      kind: 'text' | 'path' | 'integer';
      /** As the usage shows it: `PATH`. */
      placeholder: string;
      summary: string;
      required?: true;
      /** Given by its place instead of its name; such ones come in the order they are declared. */
      positional?: true;
    }
  /** A password. On the command line it is read from the file that `--<name>-file` names, or asked for; never an argument. */
  | { kind: 'secret'; placeholder: string; summary: string; required: true; positional?: never };

export type ArgumentSpecs = Readonly<Record<string, ArgumentSpec>>;

type Value<S extends ArgumentSpec> = S extends { kind: 'flag' }
  ? boolean
  : S extends { kind: 'integer' }
    ? number
    : string;

/** What `run` gets: flags are there always, the rest where it was given or is required. */
export type Arguments<S extends ArgumentSpecs> = {
  readonly [N in keyof S]: S[N] extends { kind: 'flag' } | { required: true } ? Value<S[N]> : Value<S[N]> | undefined;
};

interface Described<S extends ArgumentSpecs> {
  /** `coffer <noun> <verb>`; `POST /-/admin/<noun>/<verb>`. */
  noun: string;
  verb: string;
  /** One line for `coffer --help`, without a stop at its end. */
  summary: string;
  arguments: S;
}

/** Works on open data: in a running server, or (`both`) on data that the command opens where no server runs. */
export interface DataCommand<S extends ArgumentSpecs> extends Described<S> {
  where: 'server' | 'both';
  run(args: Arguments<S>, context: DataContext): AsyncIterable<Message>;
}

/** Needs the data for itself: no server may run. */
export interface OfflineCommand<S extends ArgumentSpecs> extends Described<S> {
  where: 'offline';
  run(args: Arguments<S>, context: OfflineContext): AsyncIterable<Message>;
}

/** Opens what it works on itself: the data directories of others, or engines without a gateway in them. */
export interface EnginesCommand<S extends ArgumentSpecs> extends Described<S> {
  where: 'engines';
  run(args: Arguments<S>, context: EnginesContext): AsyncIterable<Message>;
}

// biome-ignore lint/suspicious/noExplicitAny: each command has its own arguments
export type Command = DataCommand<any> | OfflineCommand<any> | EnginesCommand<any>;

/**
 * @example
 * export const auditTail = dataCommand({
 *   noun: 'audit', verb: 'tail', where: 'both', summary: 'prints the newest records',
 *   arguments: { count: { kind: 'integer', placeholder: 'N', summary: 'how many' } },
 *   async *run({ count = 10 }, { data }) { … yield line(text, record); },
 * });
 */
export const dataCommand = <S extends ArgumentSpecs>(command: DataCommand<S>): DataCommand<S> => command;

export const offlineCommand = <S extends ArgumentSpecs>(command: OfflineCommand<S>): OfflineCommand<S> => command;

export const enginesCommand = <S extends ArgumentSpecs>(command: EnginesCommand<S>): EnginesCommand<S> => command;
