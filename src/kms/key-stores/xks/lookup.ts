import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

/** Lookups of names under way. Each takes one of the few threads that files are read by, for as long as a name server is silent. */
const LOOKUPS_MAX = 2;

type Callback = Parameters<LookupFunction>[2];

/** Looks up a name once for all who ask meanwhile, and few names at a time: no proxy's name server can hold up the disk. */
export function fewLookups(lookup: LookupFunction = systemLookup as LookupFunction): LookupFunction {
  const waiting = new Map<string, Callback[]>();
  return (hostname, options, callback) => {
    const name = `${hostname} ${options.family ?? 0} ${options.all ?? false}`;
    const others = waiting.get(name);
    if (others) {
      others.push(callback);
      return;
    }
    if (waiting.size >= LOOKUPS_MAX) {
      const busy = Object.assign(new Error('too many names are being looked up'), {
        code: 'EBUSY',
        syscall: 'getaddrinfo',
      });
      process.nextTick(callback, busy, '');
      return;
    }
    const asking = [callback];
    waiting.set(name, asking);
    lookup(hostname, options, (...answer) => {
      waiting.delete(name);
      for (const one of asking) one(...answer);
    });
  };
}
