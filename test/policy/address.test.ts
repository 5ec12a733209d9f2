import { BlockList } from 'node:net';
import { expect, test } from 'vitest';
import { parseRange } from '../../src/policy/address.js';
import { randomFrom } from './random.js';

const { below } = randomFrom(7);

test('ranges of IPv4 hold what node’s own list holds', () => {
  let inside = 0;
  for (let i = 0; i < 5000; i++) {
    const address = [10, below(3), below(256), below(256)].join('.');
    const bits = below(33);
    const list = new BlockList();
    list.addSubnet(address, bits, 'ipv4');
    const asked = [10, below(3), below(256), below(256)].join('.');
    const held = list.check(asked, 'ipv4');
    expect([address, bits, asked, parseRange(`${address}/${bits}`)!.contains(asked)]).toEqual([
      address,
      bits,
      asked,
      held,
    ]);
    expect(parseRange(`${address}/${bits}`)!.contains(`::ffff:${asked}`)).toBe(held);
    if (held) inside++;
  }
  expect(inside).toBeGreaterThan(1000);
});

test('the ends of ranges, and what is no address', () => {
  const cases: [string, string, boolean][] = [
    ['0.0.0.0/0', '255.255.255.255', true],
    ['255.255.255.255', '255.255.255.255', true],
    ['255.255.255.255', '255.255.255.254', false],
    ['128.0.0.0/1', '127.255.255.255', false],
    ['128.0.0.0/1', '128.0.0.0', true],
    ['10.0.0.0/8', '10.0.0.01', false],
    ['10.0.0.0/8', '10.0.0', false],
    ['10.0.0.0/8', '10.0.0.0.1', false],
    ['10.0.0.0/8', '10..0.1', false],
    ['10.0.0.0/8', '10.0.0.256', false],
    ['10.0.0.0/8', ' 10.0.0.1', false],
    ['10.0.0.0/8', '', false],
    ['::/0', '10.0.0.1', false],
    ['2001:db8::/32', '2001:db8::1', true],
  ];
  for (const [range, asked, held] of cases)
    expect([range, asked, parseRange(range)!.contains(asked)]).toEqual([range, asked, held]);
  expect(cases).toHaveLength(14);
});
