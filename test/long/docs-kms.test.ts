import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { commandsOf, runCommands } from '../support/document.js';

test('docs/kms.md is true: its commands run in order, print what it says, and fail where it says', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-docs-'));
  try {
    const port = await freePort();
    const text = (await readFile('docs/kms.md', 'utf8')).replaceAll('127.0.0.1:9000', `127.0.0.1:${port}`);
    const commands = commandsOf(text);
    expect(commands.length).toBeGreaterThan(100);
    expect(commands.filter((one) => one.fails !== undefined).length).toBeGreaterThan(7);
    await mkdir(join(dir, 'bin'));
    const coffer = join(dir, 'bin', 'coffer');
    await writeFile(coffer, `#!/bin/sh\nexec '${process.execPath}' '${resolve('dist/cli.js')}' "$@"\n`);
    await chmod(coffer, 0o755);
    const env = {
      PATH: `${join(dir, 'bin')}:${process.env.PATH}`,
      HOME: dir,
      XDG_CONFIG_HOME: join(dir, 'config'),
      COFFER_PORT: String(port),
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    expect(await runCommands(commands, dir, env)).toEqual([]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

test('a document that isn’t true is found out', async () => {
  const cases: [text: string, finding: RegExp][] = [
    ['true\nfalse\ntrue', /line 3: false\nended with 1/],
    ['echo one\n# → two', /lacks: two/],
    ['echo one # fails: NoSuchThing', /ended with 100/],
    ['ls /none # fails: AccessDenied', /lacks: AccessDenied/],
    ['exit 0\ntrue', /1 of 2 commands were run/],
  ];
  let tried = 0;
  for (const [text, finding] of cases) {
    const dir = await mkdtemp(join(tmpdir(), 'coffer-docs-'));
    const commands = commandsOf(`\`\`\`sh\n${text}\n\`\`\``);
    const findings = await runCommands(commands, dir, { PATH: process.env.PATH! });
    expect(findings.join('\n')).toMatch(finding);
    await rm(dir, { recursive: true });
    tried++;
  }
  expect(tried).toBe(5);
});
