import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { BudgetExhausted, ClientBudget, Displaced } from '../../src/base/client-budget.js';
import { type Http, type RawConnection, serve } from './harness.js';

const MiB = 1024 * 1024;
/** However slow the machine is. */
const SOON = { timeout: 25_000 };

describe('a budget of memory for clients', () => {
  const make = (total: number) => {
    const time = { ms: 0 };
    const budget = new ClientBudget(total, { waitMs: 20, stalledMs: 10, now: () => time.ms });
    const ended: string[] = [];
    const open = (name: string) => {
      const holding = budget.open((error) => {
        expect(error).toBeInstanceOf(Displaced);
        ended.push(name);
        holding.close();
      });
      return holding;
    };
    return { budget, time, open, ended };
  };

  test('grants in turn as others give back, and all of it comes back', async () => {
    const { budget, open } = make(10);
    const [a, b, c] = [open('a'), open('b'), open('c')];
    await a.take(6);
    const order: string[] = [];
    const later = b.take(8).then(() => order.push('b'));
    // It would fit, and is not let past the one before it.
    const last = c.take(1).then(() => order.push('c'));
    expect(c.tryTake(1)).toBe(false);
    a.give(6);
    await Promise.all([later, last]);
    expect([order, budget.held]).toEqual([['b', 'c'], 9]);
    for (const one of [a, b, c]) one.close();
    expect(budget.held).toBe(0);
  });

  test('who makes no progress while others wait goes, the longest standing first, and no more than is needed', async () => {
    const { time, open, ended, budget } = make(10);
    for (const name of ['first', 'second', 'third']) {
      await open(name).take(3);
      time.ms += 1;
    }
    const waiting = open('waits').take(4);
    budget.look();
    expect(ended).toEqual([]);
    time.ms += 10;
    budget.look();
    await waiting;
    expect(ended).toEqual(['first']);
  });

  test('who makes progress keeps what is his, and who waits too long is told', async () => {
    const { time, open, ended, budget } = make(10);
    const busy = open('busy');
    await busy.take(10);
    const told = expect(open('waits').take(4)).rejects.toBeInstanceOf(BudgetExhausted);
    const patient = open('patient');
    const granted = patient.take(4, { patient: true });
    for (let i = 0; i < 5; i++) {
      time.ms += 5;
      busy.progressed();
      budget.look();
    }
    await told;
    expect(ended).toEqual([]);
    busy.close();
    await granted;
    expect(budget.held).toBe(4);
  });

  test('more than all of it is granted when nobody holds anything, and nobody else then', async () => {
    const { budget, open } = make(10);
    const [a, b] = [open('a'), open('b')];
    await a.take(25);
    expect([budget.overdrawn, b.tryTake(1)]).toEqual([true, false]);
    a.close();
    expect([budget.overdrawn, b.tryTake(1)]).toEqual([false, true]);
  });
});

let http: Http;
const connections: RawConnection[] = [];

beforeAll(async () => {
  // What budgets go by.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  http = await serve({
    COFFER_MAX_CONNECTIONS: '40',
    COFFER_MAX_REQUESTS_PER_PEER: '20',
    COFFER_MAX_HEADER_KIB: '16',
    COFFER_ANSWER_MEMORY_MIB: '4',
    COFFER_REQUEST_MEMORY_MIB: '4',
    COFFER_TRUSTED_PROXY: '127.0.0.1',
  });
  expect((await http.send('PUT', '/limits')).status).toBe(200);
  expect((await http.send('PUT', '/limits/large', { body: Buffer.alloc(16 * MiB, 'z') })).status).toBe(200);
});
afterAll(async () => {
  vi.useRealTimers();
  await http.close();
});

const connect = async (): Promise<RawConnection> => {
  const connection = await http.connect();
  connections.push(connection);
  return connection;
};
const closeAll = async (): Promise<void> => {
  for (const connection of connections.splice(0)) connection.destroy();
  await expect.poll(inFlight, SOON).toBe(1);
};

/** This request among them. */
const inFlight = async (): Promise<number> =>
  Number(/in_flight (\d+)/.exec(await (await fetch(`${http.url}/-/metrics`)).text())![1]);

const from = (address: string): string => `X-Forwarded-For: ${address}`;
const request = (line: string, ...headers: string[]): string =>
  `${[`${line} HTTP/1.1`, `Host: ${http.host}`, ...headers].join('\r\n')}\r\n\r\n`;
/** Never answered: it waits for its body. */
const unfinished = (address: string): string =>
  request(`PUT ${http.presign('PUT', '/limits/k')}`, 'Content-Length: 4', from(address));
const small = (address: string): string => request(`GET ${http.presign('GET', '/limits')}`, from(address));

describe('what a stranger may have at once', () => {
  test('requests of one address: the next are told to slow down, in the words of each service; others are not', async () => {
    for (let i = 0; i < 20; i++) (await connect()).write(unfinished('192.0.2.1'));
    const tell = async (bytes: string): Promise<string> => {
      const connection = await connect();
      connection.write(bytes);
      return connection.until(/\r\n\r\n[\s\S]*(<\/Error|<\/ListBucket|})/);
    };
    await expect.poll(() => tell(small('192.0.2.1')), SOON).toMatch(/^HTTP\/1\.1 503 [\s\S]*<Code>SlowDown<\/Code>/);
    const kms = request('POST /', 'X-Amz-Target: TrentService.ListKeys', 'Content-Length: 2', from('192.0.2.1'));
    expect(await tell(`${kms}{}`)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"__type":"ThrottlingException"/);
    const sts = request(
      'POST /',
      'Content-Type: application/x-www-form-urlencoded',
      'Content-Length: 2',
      from('192.0.2.1'),
    );
    expect(await tell(`${sts}ab`)).toMatch(/^HTTP\/1\.1 400 [\s\S]*<Code>Throttling<\/Code>/);
    expect(await tell(request('POST /-/admin/store/status', from('192.0.2.1')))).toMatch(
      /^HTTP\/1\.1 503 [\s\S]*SlowDown/,
    );
    expect(await tell(small('192.0.2.2'))).toMatch(/^HTTP\/1\.1 200 /);
    await closeAll();
    expect(await tell(small('192.0.2.1'))).toMatch(/^HTTP\/1\.1 200 /);
    await closeAll();
  });

  test('connections: requests on those above are told to slow down, and their connection ends', async () => {
    for (let i = 0; i < 40; i++) await connect();
    const surplus = await connect();
    surplus.write(small('192.0.2.1'));
    const answer = await surplus.untilEnd();
    expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nConnection: close\r\n[\s\S]*<Code>SlowDown<\/Code>/);
    await closeAll();
    await expect
      .poll(async () => {
        const connection = await connect();
        connection.write(small('192.0.2.1'));
        return connection.until(/\r\n\r\n/);
      }, SOON)
      .toMatch(/^HTTP\/1\.1 200 /);
    await closeAll();
  });

  test('a header section: what is larger is refused with the limit that is set', async () => {
    const connection = await connect();
    connection.write(request('GET /', `x-large: ${'x'.repeat(17 * 1024)}`));
    const answer = await connection.untilEnd();
    expect(answer).toContain('<Code>RequestHeaderSectionTooLarge</Code>');
    expect(answer).toContain('<MaxSizeAllowed>16384</MaxSizeAllowed>');
  });

  test('answers that nobody reads keep their memory from others for a while only', async () => {
    // The first holds 3 MiB of the 4; the second and ours wait.
    for (let i = 0; i < 2; i++) {
      const connection = await connect();
      connection.socket.pause();
      connection.write(request(`GET ${http.presign('GET', '/limits/large')}`));
    }
    await expect.poll(inFlight, SOON).toBe(3);
    const answered = http.send('GET', '/limits/large');
    await expect.poll(inFlight, SOON).toBe(4);
    vi.advanceTimersByTime(12_000);
    const found = await answered;
    expect((await found.arrayBuffer()).byteLength).toBe(16 * MiB);
    await closeAll();
  });

  test('pipelined requests of a client that never reads are one answer', async () => {
    const connection = await connect();
    connection.socket.pause();
    connection.write(request(`GET ${http.presign('GET', '/limits/large')}`).repeat(500));
    const begun = () => http.log().split('"operation":"GetObject"').length;
    const before = begun();
    await expect.poll(inFlight, SOON).toBe(2);
    expect((await http.send('GET', '/limits/large', { headers: { range: 'bytes=0-9' } })).status).toBe(206);
    expect(await inFlight()).toBe(2);
    expect(begun() - before).toBe(1);
    await closeAll();
  });
});

describe('bodies that are part of what is signed', () => {
  const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const SECRET = 'http-tests-secret-access-key-0123456789A';
  function authorization(body: string, change: (header: string) => string = (header) => header): string[] {
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const scope = `${date.slice(0, 8)}/us-east-1/kms/aws4_request`;
    const target = 'TrentService.ListKeys';
    const canonical = `POST\n/\n\nhost:${http.host}\nx-amz-date:${date}\nx-amz-target:${target}\n\nhost;x-amz-date;x-amz-target\n${createHash('sha256').update(body).digest('hex')}`;
    const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
    const key = scope.split('/').reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${SECRET}`);
    const header = `AWS4-HMAC-SHA256 Credential=AKIAHTTPTESTS0000001/${scope}, SignedHeaders=host;x-amz-date;x-amz-target, Signature=${hmac(key, toSign).toString('hex')}`;
    return [`X-Amz-Date: ${date}`, `X-Amz-Target: ${target}`, `Authorization: ${change(header)}`];
  }
  const ask = async (headers: string[], length: number, body = ''): Promise<string> => {
    const connection = await connect();
    connection.write(request('POST /', `Content-Length: ${length}`, ...headers) + body);
    return connection.until(/\r\n\r\n[\s\S]*}/);
  };

  test('are read where everything else is right', async () => {
    expect(await ask(authorization('{}'), 2, '{}')).toMatch(/^HTTP\/1\.1 200 [\s\S]*"Keys"/);
    expect(await ask(authorization('{} '), 2, '{}')).toMatch(/^HTTP\/1\.1 400 [\s\S]*InvalidSignatureException/);
  });

  test.each<[string, (header: string) => string, string]>([
    ['of nobody', () => '', 'MissingAuthenticationTokenException'],
    ['of a key that is not there', (h) => h.replace('AKIA', 'AKIB'), 'UnrecognizedClientException'],
    ['for another service', (h) => h.replace('/kms/', '/s3/'), 'IncompleteSignatureException'],
    ['without a signature', (h) => h.replace(/, Signature=.*/, ''), 'IncompleteSignatureException'],
    ['with one that can be none', (h) => h.replace(/Signature=../, 'Signature='), 'InvalidSignatureException'],
  ])('are not waited for in a request %s', async (_what, change, code) => {
    const headers = authorization('{}', change).filter((one) => one !== 'Authorization: ');
    expect(await ask(headers, 200_000)).toContain(`"__type":"${code}"`);
  });

  test('hold no more than their budget, and slow ones give way', async () => {
    // Of 256 KiB each: sixteen are all of it.
    for (let i = 0; i < 16; i++) {
      const connection = await connect();
      connection.write(request('POST /', `Content-Length: ${256 * 1024}`, ...authorization('{}')));
    }
    await expect.poll(inFlight, SOON).toBe(17);
    const answered = ask(authorization('{}'), 2, '{}');
    await expect.poll(inFlight, SOON).toBe(18);
    vi.advanceTimersByTime(12_000);
    expect(await answered).toMatch(/^HTTP\/1\.1 200 [\s\S]*"Keys"/);
    await closeAll();
  });
});
