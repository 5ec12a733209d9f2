import { pino } from 'pino';
import { helpOf, missingSecrets, parseArguments, usageOf } from '../admin/arguments.js';
import type { Command, DataCommand, OfflineCommand } from '../admin/command.js';
import { CommandError, UsageError } from '../admin/errors.js';
import { type Ending, type Message, withEnding } from '../admin/message.js';
import type { EnginesContext } from '../admin/ports.js';
import { ConfigError } from '../base/config-error.js';
import type { Env } from '../config/environment.js';
import { requireApart } from '../config/home.js';
import { type Config, readConfig } from '../config.js';
import { explain } from '../explained.js';
import { openGateway } from '../gateway/open.js';
import { openProfile, type Profile } from '../gateway/profile.js';
import { openEngines } from '../gateway/shared-engines.js';
import { KeyPlaces } from '../seal/key-places.js';
import { StoreInUse } from '../store/errors.js';
import { readFormat } from '../store/leveldb/format-file.js';
import { openStore } from '../store/leveldb/open.js';
import { ask, confirm } from './ask.js';
import { Printer } from './printer.js';
import { throughServer } from './server.js';

const OPTIONS = {
  json: { type: 'boolean' },
  url: { type: 'string' },
  account: { type: 'string' },
  help: { type: 'boolean' },
} as const;

// biome-ignore lint/suspicious/noExplicitAny: each command has its own arguments
type Values = any;

/** Runs a command and shows what it tells. @returns the status of the process */
export async function runCommand(command: Command, words: string[], env: Env): Promise<number> {
  const { values, own } = parse(command, words);
  if (own.help) {
    process.stdout.write(helpOf(command));
    return 0;
  }
  await askFor(command, values);
  const printer = new Printer(process.stdout, process.stderr, own.json === true);
  let status = 1;
  // `coffer audit tail | head`: nobody reads on. What changes the data all the same goes to its end.
  let unread = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      unread = true;
    });
  }
  for await (const message of endingOf(messagesOf(command, values, own, env))) {
    printer.show(message);
    if (message.type === 'end') status = message.findings > 0 ? 1 : 0;
    if (message.type === 'error' && message.code === UsageError.name) status = 2;
    if (unread && command.where !== 'offline') break;
  }
  printer.end();
  return status;
}

function parse(command: Command, words: string[]) {
  try {
    return parseArguments(command, words, OPTIONS);
  } catch (error) {
    if (error instanceof UsageError)
      throw new UsageError(`${error.message}\nusage: ${usageOf(command)} [--json] [--url URL]`);
    throw error;
  }
}

/** @throws UsageError where there is no terminal to ask on */
async function askFor(command: Command, values: Values): Promise<void> {
  for (const [name, { summary }] of missingSecrets(command, values)) {
    const secret = await ask(`${summary}: `);
    if (!secret || secret.length === 0) throw new UsageError(`there is no ${summary}: give a file that holds it`);
    values[name] = secret.expose().toString('utf8');
    secret.dispose();
  }
}

/** What a server sends has its ending already. */
async function* endingOf(messages: AsyncIterable<Message | Ending>): AsyncGenerator<Message | Ending> {
  let ended = false;
  const told = withEnding(messages as AsyncIterable<Message>, (error) => ({
    code: error instanceof CommandError ? error.code : (error as Error).name,
    message: explain(error),
  }));
  for await (const message of told) {
    if (ended) return;
    ended = message.type === 'end' || message.type === 'error';
    yield message;
  }
}

async function* messagesOf(
  command: Command,
  values: Values,
  own: { url?: unknown; account?: unknown },
  env: Env,
): AsyncGenerator<Message | Ending> {
  const config = readConfig(env);
  if (command.where === 'engines') {
    if (own.url !== undefined) throw notThere(command);
    return yield* command.run(values, enginesOf(config));
  }
  const url = own.url as string | undefined;
  const ask = (): AsyncGenerator<Message | Ending> =>
    throughServer(config, url, own.account as string | undefined, command, values);
  if (url !== undefined) {
    if (command.where === 'offline') throw notThere(command);
    return yield* ask();
  }
  const profile = await openUnlessInUse(config);
  if (!profile) {
    if (command.where !== 'offline') return yield* ask();
    throw new StoreInUse(`${config.dataDir} is in use: stop the server (or command) that has it open first`);
  }
  try {
    if (command.where === 'server') throw new CommandError('NoServer', `no server has ${config.dataDir} open`);
    if (command.where === 'offline') yield* runOffline(command, values, config, profile);
    else yield* runOnData(command, values, config, profile);
  } finally {
    await profile.store.close();
  }
}

const notThere = ({ noun, verb }: Command): UsageError =>
  new UsageError(`${noun} ${verb} works on this machine's data alone: no --url`);

const onTrouble = (message: string): void => void process.stderr.write(`coffer: ${message}\n`);

function enginesOf(config: Config): EnginesContext {
  return {
    async openEmbedded(directory) {
      if (!(await readFormat(directory))) throw new ConfigError(`there is no store in ${directory}`);
      return openStore(directory, { ...config.disk, onTrouble, reclaim: { enabled: false } });
    },
    async openShared(storeId) {
      if (config.meta === 'embedded')
        throw new ConfigError('COFFER_META names no database: there is nothing to copy to');
      const { opened, blobs, close } = await openEngines(config, { onTrouble, storeId });
      return { storeId: opened.storeId, meta: opened.meta, blobs, close };
    },
  };
}

/** Undefined: another process has it. @throws ConfigError where there is no store: a command makes none */
async function openUnlessInUse(config: Config): Promise<Profile | undefined> {
  if (config.meta === 'embedded' && !(await readFormat(config.dataDir)))
    throw new ConfigError(`there is no store in ${config.dataDir}`);
  try {
    return await openProfile(config, { onTrouble, reclaim: false });
  } catch (error) {
    if (error instanceof StoreInUse) return undefined;
    throw error;
  }
}

async function* runOnData(
  command: DataCommand<Values>,
  values: Values,
  config: Config,
  profile: Profile,
): AsyncGenerator<Message> {
  const log = pino({ level: config.logLevel, base: undefined }, pino.destination(2));
  const { admin, kms, keys } = await openGateway(config, profile, log);
  try {
    yield* command.run(values, { data: admin, caller: undefined });
  } finally {
    await kms.builtIn?.close();
    await kms.audit?.close();
    keys.rootKey.dispose();
  }
}

async function* runOffline(
  command: OfflineCommand<Values>,
  values: Values,
  config: Config,
  profile: Profile,
): AsyncGenerator<Message> {
  const { store } = profile;
  if (await profile.leases.othersAtWork()) {
    throw new StoreInUse('another gateway is at work on this store: stop all of them (and commands) first');
  }
  yield* command.run(values, {
    meta: store.meta,
    compactMeta: () => store.compactMeta(),
    places: new KeyPlaces(config.configHome, store.storeId),
    rootKeyFile: config.rootKeyFile,
    passphrase: config.rootKeyPassphrase,
    pkcs11: config.rootKeyPkcs11,
    newPassphrase: config.newRootKeyPassphrase,
    newPin: config.newRootKeyPkcs11Pin,
    requireKeyMayLieAt: (path) => {
      if (config.keepKeysApart) requireApart(path, config.dataDir);
    },
    confirm,
    ask,
  });
}
