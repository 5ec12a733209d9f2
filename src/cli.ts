#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const USAGE = `usage: coffer <command>

  coffer serve      serves; settings are COFFER_… environment variables (see the README)
  coffer --version  prints the version
  coffer --help     prints this
`;

const [command, ...rest] = process.argv.slice(2);
if (rest.length > 0) fail(`unexpected argument ${rest[0]}`);
else if (command === 'serve') await import('./main.js');
else if (command === '--version' || command === '-v') process.stdout.write(`${version()}\n`);
else if (command === '--help' || command === '-h') process.stdout.write(USAGE);
else fail(command === undefined ? 'no command' : `unknown command ${command}`);

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function fail(why: string): void {
  process.stderr.write(`coffer: ${why}\n${USAGE}`);
  process.exitCode = 1;
}
