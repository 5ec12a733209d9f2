import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { lacking } from '../support/cloudhsm.js';
import { commandsOf, runCommands } from '../support/document.js';

test.skipIf(lacking)(
  `docs/hsm.md is true: its commands run in order, print what it says, and fail where it says${lacking ? ` (left out: ${lacking})` : ''}`,
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'coffer-docs-'));
    try {
      const port = await freePort();
      const text = (await readFile('docs/hsm.md', 'utf8')).replaceAll('127.0.0.1:9000', `127.0.0.1:${port}`);
      const commands = commandsOf(text);
      expect(commands.length).toBeGreaterThan(40);
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
  },
);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
