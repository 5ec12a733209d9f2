import { randomBytes } from 'node:crypto';
import type { Secret } from '../base/secret.js';
import {
  ConnectionError,
  type ConnectionErrorCode,
  InvalidHeldCiphertext,
  type KeyHolder,
  KeyHolderUnavailable,
} from '../kms/key-stores/ports.js';
import { carryAll } from './carry.js';
import { isPinTrouble, MemberLost, MemberProcess, MemberRefused } from './member/process.js';
import { type AnswerOf, LABEL_PREFIX, type MemberCall, NO_KEY, type RequestOf } from './member/protocol.js';
import type { HsmParts } from './ports.js';
import type { ClusterRecord, HsmRecord } from './records.js';

/** The crypto user that AWS KMS is at a cluster. */
export const KMS_USER = 'kmsuser';
/** A member that doesn't come back is tried less and less often: so many times slower at most. */
const RETRY_SLOWEST = 10;
/** Wrapping, listing, comparing: no client waits for it. */
const CARRY_TIMEOUT_MS = 30_000;

const VERSION = 1;
/** Longer than GCM's 12 bytes: of random ones of those, 2^32 under one key would be too many. */
const IV_BYTES = 16;
const TAG_BYTES = 16;

interface Member {
  hsm: HsmRecord;
  process: MemberProcess | undefined;
  state: 'serving' | 'lost';
  /** When it is tried again, by `performance.now()`. */
  retryAtMs: number;
  retryMs: number;
}

/** Of members, for metrics. */
export interface MemberCounts {
  serving: number;
  lost: number;
  /** Since the start. */
  losses: number;
}

/**
 * The keys of one key store, in the tokens of its cluster's members. All members that serve hold all keys: a request goes to any of
 * them, and to another where one is lost. A member that returns is compared before it serves.
 *
 * Ciphertext: u8 version ‖ IV (16) ‖ AES-256-GCM ciphertext ‖ tag (16).
 */
export class TokenKeys implements KeyHolder {
  readonly #members = new Map<string, Member>();
  #next = 0;
  #watch: NodeJS.Timeout | undefined;
  #watching: Promise<void> | undefined;
  #connected = false;
  #losses = 0;

  constructor(
    private readonly parts: HsmParts,
    readonly accountId: string,
    readonly clusterId: string,
    private readonly password: Secret,
    private readonly onConnection: (holder: TokenKeys, connected: boolean) => void,
  ) {}

  async connect(): Promise<void> {
    const cluster = await this.parts.book.cluster(this.accountId, this.clusterId);
    if (!cluster) throw notConnected('CLUSTER_NOT_FOUND');
    const hsms = membersOf(cluster);
    if (cluster.state !== 'ACTIVE' || hsms.length === 0) throw notConnected('INSUFFICIENT_CLOUDHSM_HSMS');
    if (cluster.userName !== KMS_USER) throw notConnected('USER_NOT_FOUND');
    for (const hsm of hsms) this.#add(hsm);
    try {
      await this.parts.turns.take(this.clusterId, () => this.#joinAll());
    } catch (error) {
      await this.#endAll();
      throw error;
    }
    this.#connected = true;
    this.onConnection(this, true);
    this.#watch = setInterval(() => {
      this.#watching ??= this.#look().finally(() => {
        this.#watching = undefined;
      });
    }, this.parts.watchEveryMs);
    this.#watch.unref();
  }

  async disconnect(): Promise<void> {
    this.#connected = false;
    clearInterval(this.#watch);
    this.onConnection(this, false);
    await this.#endAll();
    await this.#watching;
    await this.#endAll();
  }

  async makeKey(keyId: string): Promise<string> {
    return this.parts.turns.take(this.clusterId, async () => {
      const needed = this.parts.file.allowSingleMember ? 1 : 2;
      const label = `${LABEL_PREFIX}${keyId}`;
      for (;;) {
        const serving = this.#serving().length;
        if (serving < needed) {
          const code = serving === 0 ? undefined : 'CloudHsmClusterInvalidConfigurationException';
          throw new KeyHolderUnavailable(`The cluster has ${serving} active HSMs; keys are made in ${needed}.`, code);
        }
        const [first] = this.#serving();
        const reference = randomBytes(16).toString('hex');
        try {
          await this.#ask(first!, 'makeKey', { reference, label }, CARRY_TIMEOUT_MS);
          await this.#carry();
          if (this.#serving().length >= needed) return reference;
        } catch (error) {
          if (!(error instanceof MemberLost)) throw error;
        }
        // Nobody will refer to it: it goes wherever it came to lie.
        await this.#forget(reference);
      }
    });
  }

  async deleteKey(reference: string): Promise<void> {
    await this.parts.turns.take(this.clusterId, async () => {
      await this.#forget(reference);
      if (this.#serving().length === 0) throw new KeyHolderUnavailable(UNAVAILABLE);
    });
  }

  async encrypt(reference: string, plaintext: Buffer, aad: Buffer): Promise<Buffer> {
    const iv = randomBytes(IV_BYTES);
    const sealed = await this.#anywhere('encrypt', { reference, iv, plaintext, aad });
    return Buffer.concat([Buffer.of(VERSION), iv, sealed]);
  }

  async decrypt(reference: string, ciphertext: Buffer, aad: Buffer): Promise<Buffer> {
    if (ciphertext.length < 1 + IV_BYTES + TAG_BYTES || ciphertext[0] !== VERSION) throw new InvalidHeldCiphertext();
    const iv = ciphertext.subarray(1, 1 + IV_BYTES);
    const plaintext = await this.#anywhere('decrypt', {
      reference,
      iv,
      ciphertext: ciphertext.subarray(1 + IV_BYTES),
      aad,
    });
    return Buffer.from(plaintext);
  }

  get counts(): MemberCounts {
    const serving = this.#serving().length;
    return { serving, lost: this.#members.size - serving, losses: this.#losses };
  }

  /** Why a member doesn't serve; undefined where it does, or isn't one of this key store's. */
  troubleOf(hsmId: string): string | undefined {
    const member = this.#members.get(hsmId);
    return member?.state === 'lost' ? 'The member does not answer; its requests go to others.' : undefined;
  }

  /** Of the processes of members, for tests that stop and kill them. */
  pidOf(hsmId: string): number | undefined {
    return this.#members.get(hsmId)?.process?.pid;
  }

  #serving(): Member[] {
    return [...this.#members.values()].filter(({ state }) => state === 'serving');
  }

  /** One that doesn't answer is lost, and the next one asked. @throws KeyHolderUnavailable, InvalidHeldCiphertext */
  async #anywhere<C extends 'encrypt' | 'decrypt'>(call: C, request: RequestOf<C>): Promise<AnswerOf<C>> {
    const asked = new Set<Member>();
    for (;;) {
      const left = this.#serving().filter((one) => !asked.has(one));
      const member = left[this.#next++ % Math.max(left.length, 1)];
      if (!member) throw new KeyHolderUnavailable(UNAVAILABLE);
      asked.add(member);
      try {
        return await this.#ask(member, call, request);
      } catch (error) {
        if (error instanceof MemberRefused && error.code !== NO_KEY) await this.#refused(member, call, request, error);
        else if (!(error instanceof MemberLost || error instanceof MemberRefused)) throw error;
      }
    }
  }

  /**
   * Libraries say of a wrong tag what they like (SoftHSM: a general error): where the member encrypts under the key, the ciphertext is
   * wrong, and otherwise the member is. @throws InvalidHeldCiphertext
   */
  async #refused(member: Member, call: MemberCall, request: RequestOf<'encrypt' | 'decrypt'>, error: MemberRefused) {
    if (call === 'decrypt') {
      const { reference, aad } = request;
      const works = await this.#ask(member, 'encrypt', {
        ...{ reference, aad, iv: randomBytes(IV_BYTES), plaintext: Buffer.alloc(16) },
      }).then(
        () => true,
        () => false,
      );
      if (works) throw new InvalidHeldCiphertext();
    }
    this.#lose(member, error.code);
  }

  async #ask<C extends MemberCall>(member: Member, call: C, request: RequestOf<C>, timeoutMs?: number) {
    const { process } = member;
    if (!process) throw new MemberLost('it is lost');
    try {
      return await process.ask(call, request, timeoutMs);
    } catch (error) {
      if (error instanceof MemberLost && member.process === process) this.#lose(member, error.message);
      throw error;
    }
  }

  #lose(member: Member, why: string): void {
    const wasServing = member.state === 'serving';
    member.process?.end(why);
    member.process = undefined;
    member.state = 'lost';
    member.retryAtMs = performance.now() + member.retryMs;
    if (!wasServing) return;
    this.#losses++;
    this.parts.say(
      'warn',
      { clusterId: this.clusterId, hsmId: member.hsm.hsmId, why },
      'a member of a cluster is lost',
    );
  }

  #add(hsm: HsmRecord): void {
    this.#members.set(hsm.hsmId, {
      hsm,
      process: undefined,
      state: 'lost',
      retryAtMs: 0,
      retryMs: this.parts.watchEveryMs,
    });
  }

  /** @throws ConnectionError */
  async #joinAll(): Promise<void> {
    const joined = await Promise.allSettled([...this.#members.values()].map((member) => this.#login(member)));
    const refused = joined
      .map((one) => (one.status === 'rejected' && one.reason instanceof MemberRefused ? one.reason.code : ''))
      .find((code) => code.startsWith('CKR_PIN') || code.startsWith('CKR_USER_'));
    if (refused === 'CKR_PIN_LOCKED') throw notConnected('USER_LOCKED_OUT');
    if (refused === 'CKR_USER_PIN_NOT_INITIALIZED') throw notConnected('USER_NOT_FOUND');
    if (refused?.startsWith('CKR_USER_')) throw notConnected('USER_LOGGED_IN');
    if (refused !== undefined) throw notConnected('INVALID_CREDENTIALS');
    await this.#carry();
    if (this.#serving().length === 0) throw notConnected('INSUFFICIENT_CLOUDHSM_HSMS');
  }

  async #login(member: Member): Promise<void> {
    const process = new MemberProcess(this.parts.places.of(member.hsm), this.parts.file.memberTimeoutMs);
    member.process = process;
    const userPin = this.password.expose().toString('utf8');
    try {
      await process.ask('login', { userPin }, CARRY_TIMEOUT_MS);
    } catch (error) {
      this.#lose(member, (error as Error).message);
      // A wrong password is not tried again and again: a device would lock its user out.
      if (isPinTrouble(error)) member.retryAtMs = Number.POSITIVE_INFINITY;
      throw error;
    }
  }

  /** All members that are logged in get what any of them has; then all of them serve. */
  async #carry(): Promise<void> {
    const present = [...this.#members.values()].filter(({ process }) => process !== undefined);
    const deleted = new Set(await this.parts.book.deletedKeys(this.clusterId));
    const carried = await carryAll(
      present.map((member) => ({
        publicKey: Buffer.from(member.hsm.publicKey ?? '', 'base64'),
        ask: (call, request) => this.#ask(member, call, request, CARRY_TIMEOUT_MS),
        failed: (error) => this.#lose(member, error.message),
      })),
      deleted,
    );
    for (const [i, member] of present.entries()) {
      if (!carried[i] || !member.process) continue;
      member.state = 'serving';
      member.retryMs = this.parts.watchEveryMs;
    }
    await this.#forgetDeleted(deleted);
  }

  /** Noted first: a member that is away now deletes it when it is back. */
  async #forget(reference: string): Promise<void> {
    await this.parts.book.noteDeletedKey(this.clusterId, reference);
    await Promise.allSettled(
      this.#serving().map(async (member) => {
        try {
          await this.#ask(member, 'deleteKey', { reference }, CARRY_TIMEOUT_MS);
        } catch (error) {
          this.#lose(member, (error as Error).message);
        }
      }),
    );
    await this.#forgetDeleted([reference]);
  }

  /** Of keys that no member has any more, those that aren't there just now included. */
  async #forgetDeleted(references: Iterable<string>): Promise<void> {
    const cluster = await this.parts.book.cluster(this.accountId, this.clusterId);
    const all = cluster?.hsms ?? [];
    if (!all.every(({ hsmId }) => this.#members.get(hsmId)?.state === 'serving')) return;
    for (const reference of references) await this.parts.book.forgetDeletedKey(this.clusterId, reference);
  }

  /** Members come and go, are silent, and return. */
  async #look(): Promise<void> {
    try {
      const cluster = await this.parts.book.cluster(this.accountId, this.clusterId);
      const wanted = new Map((cluster ? membersOf(cluster) : []).map((hsm) => [hsm.hsmId, hsm]));
      for (const [hsmId, member] of this.#members) {
        if (wanted.has(hsmId)) continue;
        member.process?.end('it is no member any more');
        this.#members.delete(hsmId);
      }
      for (const hsm of wanted.values()) if (!this.#members.has(hsm.hsmId)) this.#add(hsm);
      await Promise.allSettled(this.#serving().map((member) => this.#ask(member, 'ping', {})));
      const nowMs = performance.now();
      const due = [...this.#members.values()].filter((one) => one.state === 'lost' && one.retryAtMs <= nowMs);
      if (due.length > 0) await this.parts.turns.take(this.clusterId, () => this.#takeBack(due));
    } catch (err) {
      this.parts.say('error', { err, clusterId: this.clusterId }, 'looking after the members of a cluster failed');
    }
  }

  async #takeBack(members: Member[]): Promise<void> {
    const back: Member[] = [];
    for (const member of members) {
      if (!this.#connected) return;
      member.retryMs = Math.min(2 * member.retryMs, RETRY_SLOWEST * this.parts.watchEveryMs);
      await this.#login(member).then(
        () => back.push(member),
        () => {},
      );
    }
    if (back.length === 0) return;
    await this.#carry();
    for (const { hsm, state } of back) {
      if (state !== 'serving') continue;
      this.parts.say('info', { clusterId: this.clusterId, hsmId: hsm.hsmId }, 'a member of a cluster serves again');
    }
  }

  async #endAll(): Promise<void> {
    const ending = [...this.#members.values()].map(async ({ process }) => {
      process?.end();
      await process?.ended;
    });
    this.#members.clear();
    await Promise.all(ending);
  }
}

const UNAVAILABLE = 'No HSM of the CloudHSM cluster of this custom key store answers.';

const MEANING = {
  CLUSTER_NOT_FOUND: 'The cluster does not exist.',
  INSUFFICIENT_CLOUDHSM_HSMS: 'The cluster is not active, or none of its HSMs answers.',
  USER_NOT_FOUND: `The cluster has no crypto user ${KMS_USER}.`,
  USER_LOGGED_IN: `The crypto user ${KMS_USER} is logged in elsewhere, and the token takes no other login.`,
  USER_LOCKED_OUT: `The crypto user ${KMS_USER} is locked out.`,
  INVALID_CREDENTIALS: `The password of the crypto user ${KMS_USER} is another one.`,
} satisfies Partial<Record<ConnectionErrorCode, string>>;

const notConnected = (code: keyof typeof MEANING) => new ConnectionError(code, MEANING[code]);

/** Those that can hold keys: their user's PIN isn't Coffer's own any more. */
export const membersOf = ({ hsms }: ClusterRecord): HsmRecord[] =>
  hsms.filter(
    ({ state, initial }) => state === 'ACTIVE' && initial?.soPin === undefined && initial?.userPin === undefined,
  );
