import type { LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Of IPv4, what isn't somebody's on the internet: https://www.iana.org/assignments/iana-ipv4-special-registry */
const NOT_PUBLIC_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
];
/** Within 2000::/3, beside which nothing is public: tunnels, which carry an address of IPv4, and documentation. */
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const listOf = (nets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList();
  for (const net of nets) {
    const [address, bits] = net.split('/') as [string, string];
    list.addSubnet(address, Number(bits), family);
  }
  return list;
};
const v4 = listOf(NOT_PUBLIC_V4, 'ipv4');
const v6 = listOf(NOT_PUBLIC_V6, 'ipv6');
const global = listOf(['2000::/3'], 'ipv6');

/** Whether an address is one that anybody on the internet can be asked at: no loopback, private, link-local or metadata address. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !v4.check(address, 'ipv4');
  return family === 6 && !address.includes('%') && global.check(address, 'ipv6') && !v6.check(address, 'ipv6');
}

/** Of a URL's host: an address in figures, which isn't looked up, or a name. */
export function isPublicHost(hostname: string): boolean {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) === 0 || isPublicAddress(bare);
}

/** The code of what `publicOnly` refuses. */
export const NOT_PUBLIC = 'ENOTPUBLIC';

/**
 * Finds only public addresses. It is the very lookup that is connected to: a name that first shows one address and then another gets
 * no further. Of several the private ones count as well: a name that is half inside is refused.
 */
export function publicOnly(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address: string | LookupAddress[], family) => {
      const found = Array.isArray(address) ? address.map((one) => one.address) : [address];
      if (error || found.every(isPublicAddress)) return callback(error, address, family);
      callback(Object.assign(new Error('not a public address'), { code: NOT_PUBLIC, syscall: 'getaddrinfo' }), '');
    });
  };
}
