import { readFileSync } from 'node:fs';
import { helpOf, usageOf } from '../admin/arguments.js';
import { UsageError } from '../admin/errors.js';
import { COMMANDS, findCommand } from '../admin/registry.js';
import { explain } from '../explained.js';
import { runCommand } from './run-command.js';

const FAILED = 1;
const USAGE = 2;

// `coffer help | head`: who doesn't read on is no failure.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`coffer: ${explain(error)}\n`);
  process.exitCode = error instanceof UsageError ? USAGE : FAILED;
}

/** @returns the status of the process: 0, 1 for a failure or a finding, 2 for wrong usage. */
async function main(words: string[]): Promise<number> {
  if (words[0] === 'help') return help(words.slice(1));
  const [first, second, ...rest] = words;
  if (first === 'serve' && second === undefined) {
    const { serve } = await import('../serve.js');
    await serve();
    return 0;
  }
  const alone = second === undefined;
  if (alone && (first === '--version' || first === '-v')) return print(`${version()}\n`);
  if (alone && (first === '--help' || first === '-h')) return print(usage());
  const noun = COMMANDS.filter((one) => one.noun === first);
  if (noun.length > 0 && (second === '--help' || second === '-h')) return print(noun.map(helpOf).join('\n'));
  const command = findCommand(first ?? '', second ?? '');
  if (command) return runCommand(command, rest, process.env);
  process.stderr.write(`coffer: ${complaint(words, noun.length > 0)}\n${usage()}`);
  return USAGE;
}

/** `coffer help`, `coffer help audit`, `coffer help audit tail`. */
function help([noun, verb, ...more]: string[]): number {
  if (noun === undefined) return print(usage());
  const found = COMMANDS.filter((one) => one.noun === noun && (verb === undefined || one.verb === verb));
  if (found.length > 0 && more.length === 0) return print(found.map(helpOf).join('\n'));
  process.stderr.write(`coffer: there is no command ${[noun, verb, ...more].filter(Boolean).join(' ')}\n${usage()}`);
  return USAGE;
}

function complaint([first, second]: string[], knownNoun: boolean): string {
  if (first === undefined) return 'no command';
  if (['serve', '--version', '-v', '--help', '-h'].includes(first)) return `unexpected argument ${second}`;
  if (!knownNoun) return `unknown command ${first}`;
  return second === undefined ? `${first} what?` : `unknown command ${first} ${second}`;
}

function usage(): string {
  const rows = [
    ['coffer serve', 'serves; settings are COFFER_… environment variables (see the README)'],
    ...COMMANDS.map((one) => [usageOf(one), one.summary]),
    ['coffer --version', 'prints the version'],
    ['coffer help [<noun> [<verb>]]', 'prints this, or more about a command; so do --help and coffer <noun> --help'],
  ];
  const lines = rows.map(([left, right]) => `  ${left}\n      ${right}`);
  return `usage: coffer <command>

${lines.join('\n')}

Commands read the same settings as the server. Where a server has the data open, they ask it, as the root of the account (--account
ID names one of several); with --url they ask the one there. --json prints the data alone, one JSON value a line. Status: 0, 1 for a failure or a
finding, 2 for wrong usage.
`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
