import { type ChildProcess, fork } from 'node:child_process';
import type { Answered, AnswerOf, Asked, MemberCall, MemberToken, RequestOf } from './protocol.js';

/** The token answered, and said no. */
export class MemberRefused extends Error {
  override name = 'MemberRefused';
  /** `code`: CKR_… of the library, or the protocol's own. */
  constructor(
    readonly code: string,
    message = code,
  ) {
    super(message);
  }
}

/** The process ended, or answered nothing in time: whether it did what was asked isn't known. */
export class MemberLost extends Error {
  override name = 'MemberLost';
}

/** A member's token, and where its process finds it. */
export interface MemberPlace extends MemberToken {
  /** For SoftHSM: what it reads its folder from. */
  confFile?: string;
  /** What else its library needs. */
  environment?: Readonly<Record<string, string>>;
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/** Requests that wait for one member. */
const WAITING_MAX = 10_000;
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/cloudhsm/member/main.js' : './main.js',
  import.meta.url,
);

/** The process of one member, as its parent sees it. Started at once, ended by `end`, by its own crash, or for being silent. */
export class MemberProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isOver = false;
  readonly ended: Promise<void>;

  constructor(
    { confFile, environment, ...token }: MemberPlace,
    private readonly timeoutMs: number,
  ) {
    // Nothing of Coffer's own environment: passphrases and credentials stand there.
    const env = {
      PATH: process.env.PATH ?? '',
      ...environment,
      ...(confFile !== undefined && { SOFTHSM2_CONF: confFile }),
    };
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as ('ignore' | 'ipc')[];
    this.#child = fork(WORKER, [JSON.stringify(token)], { env, execArgv: [], serialization: 'advanced', stdio });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', () => {
        this.#over('its process ended');
        resolve();
      });
    });
    this.#child.on('error', () => this.#over('its process did not start'));
    this.#child.on('message', (message: Answered) => this.#answered(message));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws MemberRefused, MemberLost */
  ask<C extends MemberCall>(call: C, request: RequestOf<C>, timeoutMs = this.timeoutMs): Promise<AnswerOf<C>> {
    if (this.#isOver) return Promise.reject(new MemberLost('its process ended'));
    if (this.#waiting.size >= WAITING_MAX) return Promise.reject(new MemberLost('too many requests wait for it'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      // A process that hangs once is not waited for again: it is ended, and another takes its place.
      const timer = setTimeout(() => this.end('it did not answer in time'), timeoutMs);
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject, timer });
      this.#child.send({ id, call, request } satisfies Asked, (error) => {
        if (error) this.end('its process can not be reached');
      });
    });
  }

  /** At once, also where it is stopped or hangs. */
  end(why = 'it was ended'): void {
    this.#over(why);
    this.#child.kill('SIGKILL');
  }

  #answered(message: Answered): void {
    const one = this.#waiting.get(message.id);
    if (!one) return;
    this.#waiting.delete(message.id);
    clearTimeout(one.timer);
    if ('code' in message) one.reject(new MemberRefused(message.code, message.message));
    else one.resolve(message.answer);
  }

  #over(why: string): void {
    this.#isOver = true;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new MemberLost(why));
    }
    this.#waiting.clear();
  }
}

/** For one thing that isn't a key store's: in a process of its own, which no login of others disturbs. @throws as `ask` */
export async function onceIn<T>(
  place: MemberPlace,
  timeoutMs: number,
  work: (member: MemberProcess) => Promise<T>,
): Promise<T> {
  const member = new MemberProcess(place, timeoutMs);
  try {
    return await work(member);
  } finally {
    member.end();
    await member.ended;
  }
}

export const isPinTrouble = (error: unknown): boolean =>
  error instanceof MemberRefused && error.code.startsWith('CKR_PIN_');
