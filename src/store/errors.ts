import { StoreDamaged } from '../base/damaged.js';
import type { Run } from './ports.js';

/** Surely not applied: the engine refused or is closed. The caller may try again later. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

/** Too little room is left on the disk: what takes more is refused, reads and deletions go on. */
export class StoreReadOnly extends StoreUnavailable {
  override name = 'StoreReadOnly';
}

/** A snapshot was given up because of what it kept back, and what it was to read has been deleted since. */
export class SnapshotExpired extends StoreUnavailable {
  override name = 'SnapshotExpired';
}

/**
 * A run was not stored as far as is known, but it may be there, or come yet: whoever gives the body up has it deleted, as late as
 * what readers may still want.
 */
export class PutInDoubt extends StoreUnavailable {
  override name = 'PutInDoubt';

  constructor(
    message: string,
    readonly run: Run,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The write may or may not have been applied; only a read after recovery tells. */
export class OutcomeUnknown extends Error {
  override name = 'OutcomeUnknown';
}

// In base, since the seal below the store throws it too.
export { StoreDamaged };

/** A blob that a record names is not there. */
export class BlobMissing extends StoreDamaged {
  override name = 'BlobMissing';
}

/** A run belongs to another object than the one that wants it deleted. */
export class OwnerMismatch extends StoreDamaged {
  override name = 'OwnerMismatch';
}

/** The data directory is open in another process (or twice in this one). */
export class StoreInUse extends Error {
  override name = 'StoreInUse';
}

/** The data directory was written by a newer version of Coffer. */
export class StoreTooNew extends Error {
  override name = 'StoreTooNew';
}

/** Another gateway has taken what this one held, its own lease perhaps: what it was about to write is not written. */
export class LeaseLost extends StoreUnavailable {
  override name = 'LeaseLost';
}
