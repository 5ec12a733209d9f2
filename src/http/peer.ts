import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ConfigError } from '../base/config-error.js';

export interface Peer {
  ip: string;
  secure: boolean;
  loopback: boolean;
}

/** Who is at the other end; what proxies say counts only where they are trusted. */
export class Peers {
  readonly #trusted = new BlockList();
  readonly #loopback = new BlockList();
  readonly #any: boolean;
  /** Without proxies all requests of a connection have one peer. */
  readonly #known = new WeakMap<Socket, Peer>();

  /** CIDRs or addresses. @throws ConfigError */
  constructor(trustedProxies: readonly string[]) {
    this.#loopback.addSubnet('127.0.0.0', 8, 'ipv4');
    this.#loopback.addAddress('::1', 'ipv6');
    this.#any = trustedProxies.length > 0;
    for (const text of trustedProxies) {
      const [address = '', prefix] = text.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      // A number of no digits would be 0, and trust everybody.
      const bits = prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix || Number.NaN);
      if (isIP(address) === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 'ipv6' ? 128 : 32)) {
        throw new ConfigError(`COFFER_TRUSTED_PROXY: ${text} is no address or CIDR`);
      }
      this.#trusted.addSubnet(address, bits, family);
    }
  }

  of(request: IncomingMessage): Peer {
    if (this.#any) return this.#look(request);
    const known = this.#known.get(request.socket);
    if (known) return known;
    const peer = this.#look(request);
    this.#known.set(request.socket, peer);
    return peer;
  }

  #look(request: IncomingMessage): Peer {
    const ip = plain(request.socket.remoteAddress ?? '');
    const secure = (request.socket as TLSSocket).encrypted === true;
    if (!this.#any || !check(this.#trusted, ip)) return { ip, secure, loopback: check(this.#loopback, ip) };
    const forwarded = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
    // From the right: the first one that isn't a trusted proxy is the client.
    const client = [...forwarded].reverse().find((one) => !check(this.#trusted, plain(one))) ?? ip;
    // A proxy may add its word to what the client wrote: secure is what every one of them calls so.
    const protos = String(request.headers['x-forwarded-proto'] ?? '').toLowerCase();
    return {
      ip: plain(client),
      secure: protos === '' ? secure : protos.split(',').every((one) => one.trim() === 'https'),
      loopback: check(this.#loopback, plain(client)),
    };
  }
}

const plain = (ip: string): string => (ip.startsWith('::ffff:') ? ip.slice('::ffff:'.length) : ip);

function check(list: BlockList, ip: string): boolean {
  const family = isIP(ip);
  return family !== 0 && list.check(ip, family === 6 ? 'ipv6' : 'ipv4');
}
