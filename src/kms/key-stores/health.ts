import type { KeyStoreBook } from './book.js';
import type { Holders } from './holders.js';
import { ConnectionError, type FleetStates, type HolderCall, KeyHolderUnavailable } from './ports.js';
import type { CustomKeyStore } from './record.js';

/** Proxies that are asked at once. */
const AT_ONCE = 8;

export interface HealthParts {
  book: KeyStoreBook;
  holders: Holders;
  /** A line of the log. */
  say(level: 'info' | 'warn', facts: Record<string, unknown>, message: string): void;
}

/** Of connected external key stores, as they were last asked. */
export interface HealthCounts extends FleetStates {
  healthy: number;
  unhealthy: number;
}

interface Seen {
  states: FleetStates | undefined;
  /** What is told when it changes. */
  text: string;
}

/**
 * Asks the proxies of connected key stores whether they serve, between requests: so that a manager that is gone is known before a key
 * is needed. It decides nothing: a request always asks the proxy itself.
 */
export class KeyStoreHealth {
  #seen = new Map<string, Seen>();

  constructor(private readonly parts: HealthParts) {}

  async check(call: () => HolderCall): Promise<void> {
    const connected: { accountId: string; store: CustomKeyStore }[] = [];
    for await (const { accountId, stores } of this.parts.book.all()) {
      for (const store of stores) {
        if (store.state === 'CONNECTED' && store.backing.type === 'EXTERNAL_KEY_STORE') {
          connected.push({ accountId, store });
        }
      }
    }
    const seen = new Map<string, Seen>();
    const ask = async (): Promise<void> => {
      for (let next = connected.pop(); next; next = connected.pop()) {
        const { accountId, store } = next;
        const answer = await this.#ask(accountId, store, call());
        if (answer) seen.set(store.id, answer);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, ask));
    this.#seen = seen;
  }

  get counts(): HealthCounts {
    return sumOf(
      [...this.#seen.values()].map(({ states }) => ({
        ...{ healthy: states ? 1 : 0, unhealthy: states ? 0 : 1 },
        ...(states ?? { active: 0, degraded: 0, unavailable: 0 }),
      })),
    );
  }

  async #ask(accountId: string, store: CustomKeyStore, call: HolderCall): Promise<Seen | undefined> {
    const before = this.#seen.get(store.id);
    const facts = { accountId, customKeyStoreId: store.id };
    try {
      const holder = await this.parts.holders.get(accountId, store, call);
      const states = await holder.health!(call);
      const text = `${states.active} active, ${states.degraded} degraded, ${states.unavailable} unavailable`;
      const wasWell = before?.states !== undefined || before === undefined;
      if (before && before.text !== text) {
        const level = wasWell && states.active === 0 ? 'warn' : 'info';
        this.parts.say(level, facts, `external key managers of a key store: ${text}`);
      }
      return { states, text };
    } catch (error) {
      // Disconnected in between.
      if (error instanceof KeyHolderUnavailable) return undefined;
      const text = error instanceof ConnectionError ? error.code : (error as Error).message;
      if (before?.text !== text) {
        this.parts.say('warn', { ...facts, why: text }, 'the proxy of an external key store does not serve');
      }
      return { states: undefined, text };
    }
  }
}

export function sumOf(all: readonly HealthCounts[]): HealthCounts {
  const sum = { healthy: 0, unhealthy: 0, active: 0, degraded: 0, unavailable: 0 };
  for (const one of all) for (const name of Object.keys(sum) as (keyof HealthCounts)[]) sum[name] += one[name];
  return sum;
}
