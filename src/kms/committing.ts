import type { CommitBuilder } from '../store/table.js';

/** How a change is committed: with its record of the audit. `false`: a check failed. */
export type Committing = (commit: CommitBuilder) => Promise<boolean>;
