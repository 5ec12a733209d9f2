import type { Clock } from '../base/clock.js';
import type { AuditLog } from '../kms/audit/ports.js';
import type { HsmBook } from './book.js';
import type { HsmFile } from './hsm-file.js';
import type { Places } from './places.js';
import type { Turns } from './turns.js';

/** A line of the process' log. */
export type Say = (level: 'info' | 'warn' | 'error', facts: Record<string, unknown>, message: string) => void;

/** What the parts of the room share. */
export interface HsmParts {
  book: HsmBook;
  /** Absent where a remote KMS keeps the log. */
  audit: AuditLog | undefined;
  file: HsmFile;
  places: Places;
  turns: Turns;
  clock: Clock;
  region: string;
  dayMs: number;
  say: Say;
  /** How often members are asked whether they are there, and lost ones taken up again. */
  watchEveryMs: number;
}
