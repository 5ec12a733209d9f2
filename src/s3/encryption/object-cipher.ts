import type { VersionKeys } from '../../encryption/data-keys.js';

/** The opened keys of one object version: seals and opens its parts and its checksums. */
export type ObjectCipher = VersionKeys;
