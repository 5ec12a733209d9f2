import { createHmac, randomBytes } from 'node:crypto';
import { ConfigError } from '../base/config-error.js';
import type { Secret } from '../base/secret.js';
import type { FileGuard } from '../seal/file-guard.js';
import type { RecordSealer } from '../seal/ports.js';
import { TooMuchContention } from '../store/conflict.js';
import { StoreUnavailable } from '../store/errors.js';
import { TAG, under } from '../store/keys.js';
import type { MetaStore, Row } from '../store/ports.js';
import { CommitBuilder, type Shape, type Stored, Table } from '../store/table.js';
import type { KeyStoreKeyFile } from './key-store-key.js';
import type { KeyWraps } from './key-wraps.js';

/** What the key-store file holds, as all processes that use it agree on. */
interface KeyStoreState {
  /** Id of the key that backing keys are wrapped under (`keyStoreKeyId`). */
  current: string;
  /** Of the one before, while some may still be wrapped under it. */
  previous?: string;
  /** Whose replacement is under way, drawn for each. Who finds another one here than his own changes no file any more. */
  replacing?: string;
  /**
   * The replacement has ended; whether every gateway has let go of the key before isn't known yet. Revision of the shred mark that goes
   * when they have, hex; empty: none.
   */
  awaiting?: string;
}

/** Which key a gateway has opened last. */
interface Noticed {
  current: string;
}

export const KEY_STORE_STATE: Shape<KeyStoreState> = { type: 'kms-key-store-state', version: 1 };
export const KEY_STORE_NOTICED: Shape<Noticed> = { type: 'kms-key-store-noticed', version: 1 };
export const KEY_STORE_STATE_ROW = Buffer.concat([TAG.kms, Buffer.from('w')]);
export const ALL_NOTICED = Buffer.concat([TAG.kms, Buffer.from('y/')]);
const noticedRow = (gatewayId: Uint8Array): Buffer =>
  Buffer.concat([ALL_NOTICED, Buffer.from(Buffer.from(gatewayId).toString('hex'))]);

/** 16 bytes, hex. Tells two keys apart and nothing about either. */
export const keyStoreKeyId = (key: Secret): string =>
  createHmac('sha256', key.expose()).update('coffer/key-store-key-id').digest('hex').slice(0, 32);

const ATTEMPTS = 16;

/** Processes that use the same keys. As `Leases` of `store/`, as far as it matters here. */
export interface Peers {
  /** This process: 16 bytes. It may become another one's. */
  readonly gateway: { readonly id: Buffer };
  /** Whether that one is at work no more. */
  hasEnded(gatewayId: Uint8Array): Promise<boolean>;
}

/** Another process has begun to replace the key-store key. */
class ClaimLost extends Error {
  override name = 'ClaimLost';
}

/**
 * The key-store key of several processes: one file on a file system that they share, and one row that says which key it holds. Every
 * read of a key reads that row too, and whoever finds that it changed opens the file anew. Every commit of something wrapped checks
 * it: nothing is ever written under a key that was replaced.
 *
 * Who replaces the key claims the row first, then removes whatever another one had begun to write, and looks once more before each
 * renaming whether the claim is still his: a process that was paused in the midst of a replacement can't put an old file back.
 */
export class KeyStoreGeneration implements FileGuard {
  readonly #states: Table<KeyStoreState>;
  readonly #noticed: Table<Noticed>;
  #known: Stored<KeyStoreState> | undefined;
  #following: Promise<void> | undefined;
  #claim: string | undefined;
  /** What this gateway has written that it has noticed, and under which id. */
  #said = '';

  constructor(
    private readonly parts: {
      meta: MetaStore;
      sealer: RecordSealer;
      file: KeyStoreKeyFile;
      peers: Peers;
      /** Drops what is unwrapped elsewhere. */
      forget: () => void;
    },
  ) {
    this.#states = new Table(parts.meta, parts.sealer, KEY_STORE_STATE);
    this.#noticed = new Table(parts.meta, parts.sealer, KEY_STORE_NOTICED);
  }

  #wraps: KeyWraps | undefined;

  /** Before anything is wrapped or opened. @throws ConfigError where the file isn't that of the store */
  async open(isEmpty: boolean, make: (current: Secret, previous: Secret | undefined) => KeyWraps): Promise<Secret> {
    const { file, meta } = this.parts;
    const stored = await this.#states.get(KEY_STORE_STATE_ROW);
    const current = await file.load(isEmpty && !stored);
    if (!stored) {
      const { previous } = file;
      const state = { current: keyStoreKeyId(current), ...(previous && { previous: keyStoreKeyId(previous) }) };
      const row = this.#states.put(KEY_STORE_STATE_ROW, state);
      // Where another one is faster, its row is looked at below.
      await meta.commit(new CommitBuilder().expect(KEY_STORE_STATE_ROW, undefined).put(row).build());
    }
    this.#wraps = make(current, file.previous);
    try {
      await this.#follow();
    } catch (error) {
      throw error instanceof StoreUnavailable ? new ConfigError(error.message) : error;
    }
    return this.current;
  }

  /** The key that wraps. */
  current!: Secret;

  get rowKey(): Buffer {
    return KEY_STORE_STATE_ROW;
  }

  isKnown(row: Row | undefined): boolean {
    return row !== undefined && this.#known?.revision.equals(row.revision) === true;
  }

  /** As a check of commits, of what is wrapped from now on. */
  get check(): Stored<KeyStoreState> | undefined {
    return this.#known;
  }

  /** Opens the file as the row says. Many who find it changed at once wait for one. @throws StoreUnavailable */
  follow(): Promise<void> {
    this.#following ??= this.#follow().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  /** From time to time: a gateway that nobody asks lets go of what was replaced, too, and says so. */
  async notice(): Promise<void> {
    if (!this.isKnown(await this.parts.meta.get(KEY_STORE_STATE_ROW))) await this.follow();
    await this.#say();
  }

  async leave(): Promise<void> {
    await this.parts.meta.commit({ dels: [noticedRow(this.parts.peers.gateway.id)], frees: true });
  }

  async #follow(): Promise<void> {
    const { file, forget } = this.parts;
    for (let i = 0; i < ATTEMPTS; i++) {
      const stored = await this.#states.get(KEY_STORE_STATE_ROW);
      if (!stored) throw new StoreUnavailable('the row that says which key-store key holds is missing');
      const keys = await file.reload();
      const { current, previous } = stored.record;
      const [first, second] = [keys && keyStoreKeyId(keys.current), keys?.previous && keyStoreKeyId(keys.previous)];
      // A file that is ahead of the row has the key of the row behind the one that is to come.
      const found = first === current ? keys!.current : second === current ? keys!.previous : undefined;
      if (!found) continue;
      const old = first === current && previous !== undefined ? keys!.previous : undefined;
      this.current = found;
      this.#wraps!.use(found, old);
      const isFirst = this.#known === undefined;
      this.#known = stored;
      if (!isFirst) forget();
      await this.#say();
      return;
    }
    throw new StoreUnavailable(
      `key-store key ${file.path} is not the one that this store's KMS keys are wrapped under: it is from before a KMS key was destroyed, or all gateways don't share one directory of keys`,
    );
  }

  async #say(): Promise<void> {
    const known = this.#known!.record;
    const key = noticedRow(this.parts.peers.gateway.id);
    const said = `${key.toString('latin1')} ${known.current} ${known.previous ?? ''}`;
    if (said === this.#said) return;
    // While it can open what lies under the key before, it hasn't let go.
    const current = known.previous ?? known.current;
    // Where the state has changed by now, it isn't what is so: the next look says it.
    const commit = new CommitBuilder()
      .expect(KEY_STORE_STATE_ROW, this.#known)
      .put(this.#noticed.put(key, { current }));
    if (await this.parts.meta.commit(commit.build())) this.#said = said;
  }

  /** Whether a replacement was begun and hasn't ended. */
  get isUnderWay(): boolean {
    return this.#known?.record.replacing !== undefined || this.isReplacing;
  }

  get isReplacing(): boolean {
    return this.#known?.record.previous !== undefined;
  }

  get isAwaiting(): boolean {
    return this.#known?.record.awaiting !== undefined;
  }

  /** From here on this process alone changes the files. What another one had begun is taken up as it was left. */
  async claim(): Promise<void> {
    const claim = randomBytes(16).toString('hex');
    for (let i = 0; i < ATTEMPTS; i++) {
      await this.follow();
      const known = this.#known!;
      if (!(await this.#put(known, { ...known.record, replacing: claim }))) continue;
      this.#claim = claim;
      const { file } = this.parts;
      await file.removeLeftovers();
      const keys = await file.reload();
      // Begun, and the row wasn't written any more: nobody has wrapped anything under it yet.
      if (keys?.previous && keyStoreKeyId(keys.previous) === this.#known!.record.current) {
        await this.#begun(keys.current, keys.previous);
      }
      return;
    }
    throw new TooMuchContention('the key-store key changed under every attempt to replace it');
  }

  /** Draws the next key. The file holds both from before the row names it. */
  async begin(): Promise<Secret> {
    const old = this.current;
    const key = await this.parts.file.begin(old);
    await this.#begun(key, old);
    return key;
  }

  /** Nothing is wrapped under the key before any more, and the file holds the new one alone. `mark`: goes when all have let go. */
  async end(mark: Buffer | undefined): Promise<void> {
    const { current } = this.#known!.record;
    await this.#mustPut({ current, awaiting: mark?.toString('hex') ?? '' });
    this.#claim = undefined;
    await this.#say();
  }

  /** Gateways that may still have the key before, and what was unwrapped under it, in memory. */
  async waitsFor(): Promise<readonly string[]> {
    const { meta, peers } = this.parts;
    const { current } = this.#known!.record;
    const waiting: string[] = [];
    for await (const { key, record } of this.#noticed.scan(under(ALL_NOTICED))) {
      if (record.current === current) continue;
      const id = key.toString('latin1', ALL_NOTICED.length);
      if (await peers.hasEnded(Buffer.from(id, 'hex'))) await meta.commit({ dels: [key], frees: true });
      else waiting.push(id);
    }
    return waiting;
  }

  /** All have let go. @returns the mark */
  async settled(): Promise<Buffer | undefined> {
    const { current, awaiting } = this.#known!.record;
    await this.#mustPut({ current });
    return awaiting ? Buffer.from(awaiting, 'hex') : undefined;
  }

  temporary(path: string): string {
    return `${path}.${randomBytes(6).toString('hex')}.new`;
  }

  /** @throws where another process has claimed it since */
  async requireMayReplace(): Promise<void> {
    // The first file of a store is made by whoever comes first, and never put in place of another.
    const stored = await this.#states.get(KEY_STORE_STATE_ROW);
    if (this.#claim === undefined || stored?.record.replacing !== this.#claim) {
      throw new ClaimLost('another process replaces the key-store key');
    }
  }

  async #begun(key: Secret, old: Secret): Promise<void> {
    const { replacing } = this.#known!.record;
    const state = {
      current: keyStoreKeyId(key),
      previous: keyStoreKeyId(old),
      ...(replacing !== undefined && { replacing }),
    };
    await this.#mustPut(state, () => {
      this.current = key;
      this.#wraps!.use(key, old);
    });
    await this.#say();
  }

  async #mustPut(state: KeyStoreState, apply?: () => void): Promise<void> {
    if (!(await this.#put(this.#known!, state, apply)))
      throw new ClaimLost('another process replaces the key-store key');
  }

  /** `apply`: in one step with the row that is known from then on; what is wrapped under a key is committed with that key's row. */
  async #put(known: Stored<KeyStoreState>, state: KeyStoreState, apply?: () => void): Promise<boolean> {
    const row = this.#states.put(KEY_STORE_STATE_ROW, state);
    const commit = new CommitBuilder().expect(KEY_STORE_STATE_ROW, known).put(row).frees();
    if (!(await this.parts.meta.commit(commit.build()))) return false;
    const now = await this.#states.get(KEY_STORE_STATE_ROW);
    if (JSON.stringify(now?.record) !== JSON.stringify(state)) return false;
    this.#known = now;
    apply?.();
    return true;
  }
}
