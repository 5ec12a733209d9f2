import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { KeyStoreHealth } from '../../../src/kms/key-stores/health.js';
import { ownCall } from '../../../src/kms/key-stores/key-stores.js';
import { isPublicAddress, isPublicHost, publicOnly } from '../../../src/kms/key-stores/xks/public-address.js';
import { XKS_CA_FILE } from '../../support/xks-proxy.js';
import { makeExternal, PATIENT } from './support.js';

type Made = Awaited<ReturnType<typeof makeExternal>>;
const open: Made[] = [];
const make = async (xks: Partial<typeof PATIENT> = PATIENT): Promise<Made> => {
  const made = await makeExternal(xks as typeof PATIENT);
  open.push(made);
  return made;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

describe('proxies of external key stores', () => {
  test('are at public addresses, unless COFFER_XKS_HOSTS names them: figures and names, when created and when connected to', async () => {
    const { ask, proxy, credential } = await make({ timeoutMs: 60_000, caFile: XKS_CA_FILE });
    const tried: string[] = [];
    proxy.answer = (path) => {
      tried.push(path);
      return undefined;
    };
    const settings = proxy.settings(credential);
    for (const host of ['localhost', '127.0.0.1', '2130706433', '0x7f.1', '169.254.169.254']) {
      const XksProxyUriEndpoint = `https://${host}:${proxy.port}`;
      const { json } = await ask('CreateCustomKeyStore', { ...settings, XksProxyUriEndpoint });
      expect([host, json.__type]).toEqual([host, 'XksProxyInvalidConfigurationException']);
      expect(json.message).toContain('COFFER_XKS_HOSTS');
    }
    expect(tried).toEqual([]);

    // A record of before, whose name shows an inner address today.
    const named = await make();
    const id = await named.create();
    const inside = await make({ timeoutMs: 60_000, caFile: XKS_CA_FILE });
    const { book } = named.stores.parts;
    const store = await book.find('111111111111', id);
    await expect(inside.stores.parts.holders.connect('111111111111', store, ownCall('test'))).rejects.toMatchObject({
      code: 'XKS_PROXY_INVALID_CONFIGURATION',
    });
    expect(inside.proxy.seen).toEqual([]);
  });

  test('are looked up once for a connection: what is checked is what is connected to', async () => {
    const answers = [
      [{ address: '8.8.8.8', family: 4 }],
      [
        { address: '8.8.8.8', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ],
    ];
    const lookup = publicOnly(((_, __, callback) =>
      callback(null, answers.shift() as LookupAddress[])) as LookupFunction);
    const find = () =>
      new Promise((resolve) => lookup('a', { all: true }, (error, found) => resolve(error ? error.code : found)));
    expect(await find()).toEqual([{ address: '8.8.8.8', family: 4 }]);
    expect(await find()).toBe('ENOTPUBLIC');
    const inner = [
      ...[
        '10.1.2.3',
        '172.31.0.1',
        '192.168.1.1',
        '100.64.0.1',
        '169.254.169.254',
        '127.1.2.3',
        '0.0.0.0',
        '224.0.0.1',
      ],
      ...['255.255.255.255', '198.18.0.1', '::', '::1', 'fe80::1', 'fd00:ec2::254', 'ff02::1', '::ffff:10.0.0.1'],
      ...['64:ff9b::a00:1', '2002:a00:1::', '2001:db8::1', '2001::1', 'fe80::1%eth0', 'nonsense'],
    ];
    expect(inner.filter(isPublicAddress)).toEqual([]);
    const outer = ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::1'];
    expect(outer.filter(isPublicAddress)).toEqual(outer);
    expect(['[::1]', '[2606:4700::1111]', 'name', '10.0.0.1'].map(isPublicHost)).toEqual([false, true, true, false]);
  });

  test('have a bound of requests under way: beyond it they are throttled, and counted by kind', async () => {
    const { ask, proxy, connected, createKey, counts } = await make({ ...PATIENT, requestsMax: 2 } as never);
    const { KeyId } = (await createKey(await connected())).json.KeyMetadata;
    const encrypt = () => ask('Encrypt', { KeyId, Plaintext: 'YQ==' });
    proxy.answer = () => 'silence';
    const before = proxy.seen.length;
    const waiting = [encrypt(), encrypt()];
    await vi.waitFor(() => expect(proxy.seen.length).toBe(before + 2), 60_000);
    expect(await encrypt()).toMatchObject({ status: 400, json: { __type: 'ThrottlingException' } });
    const port = proxy.port;
    await proxy.close();
    for (const { json } of await Promise.all(waiting)) expect(json.__type).toBe('KMSInvalidStateException');
    proxy.answer = undefined;
    await proxy.listen(port);
    expect((await encrypt()).status).toBe(200);
    const tally = [...counts.tallies].find(({ operation }) => operation === 'encrypt')!;
    expect(Object.fromEntries(tally.results)).toEqual({ noConnection: 2, tooMany: 1, ok: 1 });
    expect(tally.seconds).toBeGreaterThan(0);
  });

  test('are asked for their health between requests; what changes is told once', async () => {
    const { proxy, connected, ask, stores } = await make();
    const said: string[] = [];
    const { book, holders } = stores.parts;
    const say = (level: string, facts: object, message: string) =>
      void said.push(`${level} ${message} ${(facts as { why?: string }).why ?? ''}`.trim());
    const health = new KeyStoreHealth({ book, holders, say });
    const check = () => health.check(() => ownCall('KmsHealthCheck'));
    await check();
    expect(health.counts).toEqual({ healthy: 0, unhealthy: 0, active: 0, degraded: 0, unavailable: 0 });
    const id = await connected();
    proxy.health = ['ACTIVE', 'DEGRADED'];
    await check();
    expect(proxy.seen.at(-1)!.body.requestMetadata.kmsOperation).toBe('KmsHealthCheck');
    expect(health.counts).toEqual({ healthy: 1, unhealthy: 0, active: 1, degraded: 1, unavailable: 0 });
    expect(said).toEqual([]);
    proxy.health = ['UNAVAILABLE', 'UNAVAILABLE'];
    await check();
    await check();
    expect(health.counts).toMatchObject({ healthy: 0, unhealthy: 1, active: 0 });
    expect(said).toEqual(['warn the proxy of an external key store does not serve XKS_PROXY_NOT_REACHABLE']);
    proxy.health = ['DEGRADED', 'UNAVAILABLE'];
    await check();
    expect(health.counts).toEqual({ healthy: 1, unhealthy: 0, active: 0, degraded: 1, unavailable: 1 });
    expect(said.slice(1)).toEqual(['info external key managers of a key store: 0 active, 1 degraded, 1 unavailable']);
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    const asked = proxy.seen.length;
    await check();
    expect(proxy.seen.length).toBe(asked);
    expect(health.counts).toMatchObject({ healthy: 0, unhealthy: 0 });
  });
});
