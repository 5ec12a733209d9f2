import { during, LibraryProcess, ProcessLost, TokenRefused } from '../../pkcs11/process.js';
import type { MemberCalls, MemberToken } from './protocol.js';

export { ProcessLost as MemberLost, TokenRefused as MemberRefused };

/** A member's token, and where its process finds it. */
export interface MemberPlace extends MemberToken {
  /** For SoftHSM: what it reads its folder from. */
  confFile?: string;
  /** What else its library needs. */
  environment?: Readonly<Record<string, string>>;
}

const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/cloudhsm/member/main.js' : './main.js',
  import.meta.url,
);

/** The process of one member, as its parent sees it. */
export class MemberProcess extends LibraryProcess<MemberCalls> {
  constructor({ confFile, environment, ...token }: MemberPlace, timeoutMs: number) {
    // Nothing of Coffer's own environment: passphrases and credentials stand there.
    const env = {
      PATH: process.env.PATH ?? '',
      ...environment,
      ...(confFile !== undefined && { SOFTHSM2_CONF: confFile }),
    };
    super(WORKER, token, env, timeoutMs);
  }
}

/** For one thing that isn't a key store's: in a process of its own, which no login of others disturbs. @throws as `ask` */
export const onceIn = <T>(
  place: MemberPlace,
  timeoutMs: number,
  work: (member: MemberProcess) => Promise<T>,
): Promise<T> => during(new MemberProcess(place, timeoutMs), work);

export const isPinTrouble = (error: unknown): boolean =>
  error instanceof TokenRefused && error.code.startsWith('CKR_PIN_');
