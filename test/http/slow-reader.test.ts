import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Http, serve } from './harness.js';

const MiB = 1024 * 1024;
/** More than sockets and streams hold on their way. */
const BODY = Buffer.alloc(16 * MiB, 'body');

let http: Http;
beforeAll(async () => {
  http = await serve({ COFFER_SNAPSHOT_MAX_MIB: '8' });
  expect((await http.send('PUT', '/slow')).status).toBe(200);
});
afterAll(() => http.close());

/** A GET whose answer isn't read further than its head. */
async function stalledGet(key: string) {
  const connection = await http.connect();
  connection.socket.pause();
  connection.write(`GET ${http.presign('GET', `/slow/${key}`)} HTTP/1.1\r\nhost: ${http.host}\r\n\r\n`);
  return connection;
}

describe('a reader that stalls', () => {
  test('while what it reads is overwritten again and again is cut off; one whose object is still there gets all of it', async () => {
    for (const key of ['gone', 'stays']) {
      expect((await http.send('PUT', `/slow/${key}`, { body: BODY })).status).toBe(200);
    }
    const gone = await stalledGet('gone');
    const stays = await stalledGet('stays');
    // Both have taken their snapshots before anything is overwritten.
    await expect
      .poll(
        async () => /coffer_requests_in_flight (\d+)/.exec(await (await fetch(`${http.url}/-/metrics`)).text())?.[1],
      )
      .toBe('3');
    for (let i = 0; i < 2; i++) {
      expect((await http.send('PUT', '/slow/gone', { body: BODY })).status).toBe(200);
    }
    await expect.poll(() => http.log(), { timeout: 20_000 }).toContain('SnapshotExpired');
    gone.socket.resume();
    stays.socket.resume();
    await expect.poll(() => stays.received.length, { timeout: 20_000 }).toBeGreaterThan(BODY.length);
    await expect.poll(() => gone.ended, { timeout: 20_000 }).toBe(true);
    expect(gone.received.length).toBeLessThan(BODY.length);
    stays.socket.destroy();
  });
});
