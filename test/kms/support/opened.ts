import type { ManualClock } from '../../../src/base/clock.js';
import { Secret } from '../../../src/base/secret.js';
import { type KmsOptions, openKms } from '../../../src/kms/open.js';
import { RootSealer } from '../../../src/seal/record-sealer.js';
import { loadOrCreateRootKey, RootKey } from '../../../src/seal/root-key.js';
import type { KeyToken } from '../../../src/seal/token/ports.js';
import type { MetaStore } from '../../../src/store/ports.js';
import { type Answer, DAY_MS, REGION, root } from '../harness.js';
import { MemoryAudit } from '../memory-audit.js';

/** The root key of all these tests: "today's". */
export const rootKey = () => new RootKey(new Secret(Buffer.alloc(32, 7)));
export const startMs = Date.UTC(2026, 0, 1);

export interface Place {
  meta: MetaStore;
  /** The key-store file. */
  path: string;
  /** Where the root key lies; otherwise it is `rootKey`, of no file. */
  rootKeyFile?: string;
  /** Where that file is what a token wrapped. */
  token?: KeyToken;
  clock: ManualClock;
}

/** The key service as a start of the program opens it. */
export async function openService({ meta, path, clock, rootKeyFile, token }: Place, more: Partial<KmsOptions> = {}) {
  const key =
    rootKeyFile === undefined
      ? rootKey()
      : await loadOrCreateRootKey(token ? { token, tokenFile: rootKeyFile, storeId: 'store' } : { file: rootKeyFile });
  const audit = new MemoryAudit(meta);
  const opened = await openKms({
    meta,
    sealer: new RootSealer(key),
    rootKey: key,
    keyStoreFile: path,
    audit,
    principals: { exists: () => undefined, accountIds: () => [] },
    clock,
    region: REGION,
    dayMs: DAY_MS,
    xks: { timeoutMs: 250 },
    onTrouble: (error) => {
      throw error;
    },
    ...more,
  });
  // Deleting imported material wakes the destroyer; here it is called when a test says so.
  delete opened.keys.parts.shred;
  const ask = async (action: string, input: object = {}): Promise<Answer['json']> =>
    (await opened.kms.dispatch(`TrentService.${action}`, Buffer.from(JSON.stringify(input)), root())).json;
  return { ...opened, ask, audit, clock, meta };
}

export type Service = Awaited<ReturnType<typeof openService>>;
