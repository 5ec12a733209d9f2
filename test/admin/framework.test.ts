import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { checkArguments, helpOf, parseArguments, usageOf } from '../../src/admin/arguments.js';
import { askServer } from '../../src/admin/client.js';
import { dataCommand } from '../../src/admin/command.js';
import { type Ending, finding, line, type Message, withEnding } from '../../src/admin/message.js';
import { Secret } from '../../src/base/secret.js';
import { Printer } from '../../src/cli/printer.js';

const sample = dataCommand({
  noun: 'sample',
  verb: 'run',
  where: 'both',
  summary: 'is a sample',
  arguments: {
    keyId: { kind: 'text', placeholder: 'KEY', summary: 'which key', positional: true, required: true },
    other: { kind: 'text', placeholder: 'OTHER', summary: 'another', positional: true },
    maxCount: { kind: 'integer', placeholder: 'N', summary: 'how many' },
    intoFile: { kind: 'path', placeholder: 'PATH', summary: 'where to' },
    dryRun: { kind: 'flag', summary: 'changes nothing' },
  },
  async *run({ keyId, maxCount, dryRun }) {
    yield line(`${keyId} ${maxCount?.toFixed(0)} ${dryRun === true}`);
  },
});

describe('arguments', () => {
  test('are shown, read from words, and checked', () => {
    expect(usageOf(sample)).toBe('coffer sample run KEY [OTHER] [--max-count N] [--into-file PATH] [--dry-run]');
    expect(helpOf(sample)).toContain('--max-count');
    const words = ['--max-count', '7', 'k1', '--into-file=x/y', '--json'];
    const { values, own } = parseArguments(sample, words, { json: { type: 'boolean' } });
    expect(values).toEqual({
      keyId: 'k1',
      other: undefined,
      maxCount: 7,
      intoFile: `${process.cwd()}/x/y`,
      dryRun: false,
    });
    expect(own).toEqual({ json: true });
  });

  test.each([
    [[], /keyId is missing/],
    [['k', 'o', 'surplus'], /unexpected argument surplus/],
    [['k', '--max-count', '-1'], /max-count/],
    [['k', '--max-count', '1.5'], /--max-count is not a whole number/],
    [['k', '--dry-run=yes'], /dry-run/],
    [['k', '--nope'], /--nope/],
    [['k', '--into-file'], /--into-file/],
    [[''], /keyId is not a text/],
  ])('%j are refused', (words, message) => {
    expect(() => parseArguments(sample, words, {})).toThrow(expect.objectContaining({ name: 'UsageError' }));
    expect(() => parseArguments(sample, words, {})).toThrow(message);
  });

  test.each([
    [{ keyId: 1 }],
    [{ keyId: 'k', maxCount: '7' }],
    [{ keyId: 'k', maxCount: -1 }],
    [{ keyId: 'k', maxCount: 1e300 }],
    [{ keyId: 'k', dryRun: 'true' }],
    [{ keyId: null }],
    [{ keyId: 'k', constructor: 1 }],
    [{ 'key-id': 'k' }],
  ])('%j of a request are refused', (json) => {
    expect(() => checkArguments(sample, json as never)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});

async function* messages(...some: (Message | Error)[]): AsyncGenerator<Message> {
  for (const one of some) {
    if (one instanceof Error) throw one;
    yield one;
  }
}

async function all<T>(some: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const one of some) out.push(one);
  return out;
}

test('a stream ends with the number of findings, or with what went wrong', async () => {
  const explain = (error: unknown) => ({ code: 'Oops', message: (error as Error).message });
  expect(await all(withEnding(messages(line('a'), finding('b'), finding('c')), explain))).toEqual([
    { type: 'line', text: 'a' },
    { type: 'finding', text: 'b' },
    { type: 'finding', text: 'c' },
    { type: 'end', findings: 2 },
  ]);
  expect(await all(withEnding(messages(line('a'), new Error('no')), explain))).toEqual([
    { type: 'line', text: 'a' },
    { type: 'error', code: 'Oops', message: 'no' },
  ]);
});

describe('the printer', () => {
  const print = (isTTY: boolean, json: boolean, some: (Message | Ending)[]) => {
    const [out, err]: [string[], string[]] = [[], []];
    const printer = new Printer({ write: (text) => out.push(text) }, { write: (text) => err.push(text), isTTY }, json);
    for (const one of some) printer.show(one);
    printer.end();
    return { out: out.join(''), err: err.join('') };
  };
  const progress = Array.from(
    { length: 1001 },
    (_, done): Message => ({ type: 'progress', task: 't', done, total: 1000 }),
  );

  test('tells progress in steps of ten where there is no terminal, and nothing of it on standard output', () => {
    const { out, err } = print(false, false, [...progress, line('done')]);
    expect(out).toBe('done\n');
    expect(err.trim().split('\n')).toEqual(Array.from({ length: 11 }, (_, i) => `t: ${i * 10} % (${i * 100} of 1000)`));
  });

  test('draws a bar on a terminal, and ends its line before anything else', () => {
    const { err } = print(true, false, [...progress, { type: 'error', code: 'X', message: 'broken' }]);
    expect(err).toMatch(/█{30} 100 % \(1000 of 1000\)\ncoffer: broken\n$/);
    expect(err.split('\r').length).toBeLessThan(20);
  });

  test('prints the data alone as JSON where that is asked for', () => {
    const found: Message[] = [finding('bad', { b: 2 }), finding('worse'), { type: 'detail', data: [3] }];
    const some = [
      ...progress.slice(0, 3),
      line('x', { a: 1 }),
      line('y'),
      ...found,
      { type: 'end', findings: 2 } as const,
    ];
    const { out, err } = print(true, true, some);
    expect(err).toBe('');
    expect(
      out
        .trim()
        .split('\n')
        .map((one) => JSON.parse(one)),
    ).toEqual([{ a: 1 }, { b: 2 }, { finding: 'worse' }, [3]]);
    const failed = print(true, true, [{ type: 'error', code: 'X', message: 'broken' }]);
    expect(failed).toEqual({ out: '', err: 'coffer: broken\n' });
  });

  test('lets no text steer the terminal', () => {
    const { out } = print(true, false, [line('a\x1b[2Jb\r\nc\x9bd\te')]);
    expect(out).toBe('a\\x1b[2Jb\\x0d\\x0ac\\x9bd\te\n');
  });

  test('an empty task is complete', () => {
    expect(print(false, false, [{ type: 'progress', task: 't', done: 0, total: 0 }]).err).toBe('t: 100 % (0 of 0)\n');
  });
});

describe('the client', () => {
  async function ask(listener: RequestListener): Promise<unknown> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const to = {
      url: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      accessKeyId: 'AKIA',
      secretAccessKey: new Secret(Buffer.from('very-secret')),
    };
    try {
      return await all(askServer(to, sample, { keyId: 'k' })).catch((error) => error);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  test('passes on what comes, up to the ending', async () => {
    const got = await ask((request, response) => {
      expect(request.url).toBe('/-/admin/sample/run');
      expect(JSON.stringify(request.headers)).not.toContain('very-secret');
      response.write('{"type":"line","text":"a"}\n{"type":"en');
      setImmediate(() => response.end('d","findings":0}\n'));
    });
    expect(got).toEqual([
      { type: 'line', text: 'a' },
      { type: 'end', findings: 0 },
    ]);
  });

  test.each<[string, RequestListener, string]>([
    ['ends too early', (_, response) => response.end('{"type":"line","text":"a"}\n'), 'CutOff'],
    ['breaks off', (_, response) => response.write('{"type":"line","text":"a"}\n', () => response.destroy()), 'CutOff'],
    ['is something else', (_, response) => response.end('<html>'), 'NoServer'],
    ['refuses in HTML', (_, response) => response.writeHead(502).end('<html>'), 'NoServer'],
    ['refuses', (_, response) => response.writeHead(403).end('{"code":"AccessDenied","message":"no"}'), 'AccessDenied'],
    ['hangs up', (request) => request.socket.destroy(), 'NoServer'],
  ])('says so where the server %s', async (_name, listener, code) => {
    expect(await ask(listener)).toMatchObject({ name: 'CommandError', code });
  });
});
