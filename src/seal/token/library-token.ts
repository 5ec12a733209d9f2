import { existsSync } from 'node:fs';
import type { Secret } from '../../base/secret.js';
import { hasPkcs11js } from '../../pkcs11/pkcs11.js';
import { during, LibraryProcess, ProcessLost, TokenRefused } from '../../pkcs11/process.js';
import type { Pkcs11Uri } from '../../pkcs11/uri.js';
import { RootKeyError } from '../key-file.js';
import type { KeyToken, TokenSession } from './ports.js';
import {
  AMBIGUOUS_KEY,
  AMBIGUOUS_TOKEN,
  LAST_ATTEMPT,
  NO_KEY,
  NO_TOKEN,
  type RootTokenCalls,
  UNFIT_KEY,
} from './protocol.js';

/** A device that makes a key, or one far away, takes its time; a library that hangs is no start. */
const TIMEOUT_MS = 60_000;
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/seal/token/main.js' : './main.js',
  import.meta.url,
);
/** Coffer's secrets may stand in its environment, and Node.js would heed its own. Libraries are configured by the rest of it. */
const WITHHELD = /^(COFFER_|AWS_|NODE_|PG)/;

/** A PIN that was wrong is wrong the next time, too, whichever of the token's keys is meant; and each attempt counts in the token. */
const REFUSED = new WeakMap<Secret, RootKeyError>();

/** The token that a PKCS#11 URI names, each use of it in a process of its own. */
export class LibraryToken implements KeyToken {
  constructor(
    private readonly named: Pkcs11Uri,
    private readonly pin: Secret,
    private readonly how: { timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
  ) {}

  get uri(): string {
    return this.named.text;
  }

  async use<T>(work: (session: TokenSession) => Promise<T>): Promise<T> {
    const refused = REFUSED.get(this.pin);
    if (refused) throw refused;
    const { library, token, object } = this.named;
    if (!hasPkcs11js()) throw new RootKeyError(NO_PKCS11JS);
    if (!existsSync(library)) throw new RootKeyError(`the PKCS#11 library ${library} is not there`);
    const { env = process.env, timeoutMs = TIMEOUT_MS } = this.how;
    const child = new LibraryProcess<RootTokenCalls>(WORKER, { library, token, object }, environment(env), timeoutMs);
    try {
      return await during(child, async () => {
        await child.ask('login', { pin: this.pin.expose() });
        return work(sessionOf(child));
      });
    } catch (error) {
      const explained = this.#explained(error);
      if (error instanceof TokenRefused && error.code.startsWith('CKR_PIN_')) {
        REFUSED.set(this.pin, explained as RootKeyError);
      }
      throw explained;
    }
  }

  #explained(error: unknown): unknown {
    const { library, text } = this.named;
    if (error instanceof ProcessLost)
      return new RootKeyError(`the PKCS#11 library ${library} is of no use: ${error.message}`);
    if (!(error instanceof TokenRefused)) return error;
    const known = REASONS[error.code];
    const why = known ?? (error.code.startsWith('CKR_') ? error.code : 'its library fails');
    // The library's own messages name calls and paths.
    const more = known && error.code !== UNFIT_KEY ? '' : ` (${error.message.split('\n')[0]})`;
    return new RootKeyError(`the root key's token ${text}: ${why}${more}`);
  }
}

/** By the code of the token or its process. */
const REASONS: Record<string, string> = {
  [NO_TOKEN]: 'no such token is there',
  [AMBIGUOUS_TOKEN]: 'more than one token is meant: say serial or slot-id',
  [NO_KEY]: 'no such secret key is in the token',
  [AMBIGUOUS_KEY]: 'more than one secret key is meant: say both object and id',
  [UNFIT_KEY]: 'the key must be AES-256, sensitive, not extractable, for encryption and decryption',
  [LAST_ATTEMPT]:
    'one attempt is left before its PIN is locked, and Coffer leaves it to you: log in with another program, then start again',
  CKR_PIN_INCORRECT: 'the PIN is wrong (CKR_PIN_INCORRECT); it is not tried again',
  CKR_PIN_LOCKED: 'its PIN is locked (CKR_PIN_LOCKED)',
  CKR_TOKEN_WRITE_PROTECTED: 'it is write-protected, and destruction keys have to be made in it',
};

const NO_PKCS11JS =
  'a root key in a token needs the package pkcs11js, which is not installed: an optional dependency that `npm ci` builds where there is a C++ compiler';

const environment = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || WITHHELD.test(name) ? [] : [[name, value]])),
  );

const CALLS = [
  'wrap',
  'unwrap',
  'makeDestructionKey',
  'seal',
  'open',
  'destructionKeys',
  'deleteDestructionKey',
] as const satisfies (keyof TokenSession)[];

const sessionOf = (child: LibraryProcess<RootTokenCalls>): TokenSession =>
  Object.fromEntries(
    CALLS.map((call) => [call, (request: never) => child.ask(call, request)]),
  ) as unknown as TokenSession;
