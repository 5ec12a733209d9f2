import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/base/config-error.js';
import { Peers } from '../../src/http/peer.js';

const request = (remoteAddress: string, headers: Record<string, string> = {}, encrypted = false) =>
  ({ socket: { remoteAddress, encrypted }, headers }) as unknown as IncomingMessage;
const forwarded = (by: string, proto?: string) => ({
  'x-forwarded-for': by,
  ...(proto === undefined ? {} : { 'x-forwarded-proto': proto }),
});

test('what a peer says of itself counts where it is a trusted proxy alone', () => {
  const headers = forwarded('198.51.100.7', 'https');
  const stranger = { ip: '203.0.113.9', secure: false, loopback: false };
  expect(new Peers([]).of(request('203.0.113.9', headers))).toEqual(stranger);
  const peers = new Peers(['10.0.0.0/8', '::1']);
  expect(peers.of(request('203.0.113.9', headers))).toEqual(stranger);
  const behind = { ip: '198.51.100.7', secure: true, loopback: false };
  for (const proxy of ['10.1.2.3', '::ffff:10.1.2.3', '::1']) {
    expect(peers.of(request(proxy, headers))).toEqual(behind);
  }
});

test.each([
  ['spoofed, 198.51.100.7', '198.51.100.7'],
  ['127.0.0.1, 198.51.100.7, 10.0.0.1', '198.51.100.7'],
  ['10.0.0.1', '10.9.9.9'],
  ['', '10.9.9.9'],
])('of %j the client is the last that is no proxy', (by, ip) => {
  expect(new Peers(['10.0.0.0/8']).of(request('10.9.9.9', forwarded(by)))).toMatchObject({ ip, loopback: false });
});

test.each([
  ['https', true],
  ['HTTPS', true],
  ['http', false],
  ['https, https', true],
  // A proxy that adds to what came says what it saw last: the client wrote the first one.
  ['https, http', false],
  ['http, https', false],
  ['https, ', false],
  ['wss', false],
])('of %j a way is secure that was so all along', (proto, secure) => {
  const peers = new Peers(['10.0.0.0/8']);
  expect(peers.of(request('10.9.9.9', forwarded('198.51.100.7', proto), true)).secure).toBe(secure);
});

test('without a word of the proxy the connection itself counts', () => {
  const peers = new Peers(['10.0.0.0/8']);
  expect([true, false].map((encrypted) => peers.of(request('10.9.9.9', {}, encrypted)).secure)).toEqual([true, false]);
});

test.each(['10.0.0.0/33', 'proxy', '10.0.0.0/x', '::1/129', '10.0.0.0/-1', '10.0.0.0/'])('%s is no address', (text) => {
  expect(() => new Peers([text])).toThrow(ConfigError);
});
