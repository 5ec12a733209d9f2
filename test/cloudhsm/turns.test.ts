import { expect, test } from 'vitest';
import { Turns } from '../../src/cloudhsm/turns.js';
import { LocalLeases } from '../../src/store/local-leases.js';

test('what changes a cluster’s tokens waits for another gateway that does, and not for one that changes another cluster', async () => {
  // Two gateways see the same leases.
  const leases = new LocalLeases();
  const over = { take: (name: string) => leases.take(name), within: <T>(_: unknown, work: () => Promise<T>) => work() };
  const [one, other] = [new Turns(over), new Turns(over)];
  const seen: string[] = [];
  let finish = (): void => {};
  const began = new Promise<void>((resolve) => {
    void one.take('cluster-a', async () => {
      seen.push('one begins');
      resolve();
      await new Promise<void>((end) => {
        finish = end;
      });
      seen.push('one ends');
    });
  });
  await began;
  const second = other.take('cluster-a', async () => void seen.push('other'));
  await other.take('cluster-b', async () => void seen.push('elsewhere'));
  await expect(one.take('cluster-b', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  await other.take('cluster-b', async () => void seen.push('after a failure'));
  expect(seen).toEqual(['one begins', 'elsewhere', 'after a failure']);
  finish();
  await second;
  expect(seen).toEqual(['one begins', 'elsewhere', 'after a failure', 'one ends', 'other']);
  expect(leases.counts().held).toEqual([]);
});
