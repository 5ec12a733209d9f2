import { parseArgs } from 'node:util';
import { MODES, type Mode } from './modes.js';

export interface Options {
  /** Few and small requests: shows that everything runs, proves no figure. */
  quick: boolean;
  /** Rows whose name contains this. */
  only: string | undefined;
  modes: readonly Mode[];
  /** Rounds, of which the median counts. */
  rounds: number;
  /** Shows what the server spent its time on. */
  cpuProfile: boolean;
  /** `cluster`: one and two gateways over PostgreSQL beside `embedded`. */
  profile: 'embedded' | 'cluster';
  /** Another S3 server's address, or the `dist` folder of another build: only the client rows run, on both. */
  against: string | undefined;
  /** The process of the server that `against` names, for its CPU seconds. */
  againstPid: number | undefined;
}

export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      mode: { type: 'string' },
      rounds: { type: 'string' },
      'cpu-profile': { type: 'boolean', default: false },
      profile: { type: 'string', default: 'embedded' },
      against: { type: 'string' },
      'against-pid': { type: 'string' },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number above 0');
  const modes = MODES.filter((mode) => values.mode === undefined || mode === values.mode);
  if (modes.length === 0) throw new Error(`--mode is one of ${MODES.join(', ')}`);
  if (values.profile !== 'embedded' && values.profile !== 'cluster') {
    throw new Error('--profile is embedded or cluster (what the server spends its time on: --cpu-profile)');
  }
  const pid = values['against-pid'];
  return {
    quick: values.quick,
    only: values.only,
    modes,
    rounds,
    cpuProfile: values['cpu-profile'],
    profile: values.profile,
    against: values.against,
    againstPid: pid === undefined ? undefined : Number(pid),
  };
}
