import type { ConfigKind } from '../../store/bucket-configs.js';
import type { Tag } from '../fields/tagging.js';

/** Days from the creation of a version, or a midnight (UTC) as milliseconds. */
export type When = { days: number } | { dateMs: number };

/** Days from when a version stopped being the current one; `newer`: and this many noncurrent versions are newer. */
export interface WhenNoncurrent {
  days: number;
  newer?: number;
}

/** What a rule applies to: all that is present must hold. */
export interface LifecycleFilter {
  prefix?: string;
  tags?: Tag[];
  /** Bytes, exclusive. */
  sizeAbove?: number;
  sizeBelow?: number;
  /** It was sent as `And`. */
  and?: true;
}

/** One rule of PutBucketLifecycleConfiguration. Exactly one of `prefix` (the older form) and `filter` is present. */
export interface LifecycleRule {
  id: string;
  enabled: boolean;
  prefix?: string;
  filter?: LifecycleFilter;
  expiration?: When | { expiredDeleteMarker: boolean };
  transitions?: (When & { storageClass: string })[];
  noncurrentExpiration?: WhenNoncurrent;
  noncurrentTransitions?: (WhenNoncurrent & { storageClass: string })[];
  /** Days from CreateMultipartUpload after which an upload is aborted. */
  abortDays?: number;
}

/** `x-amz-transition-default-minimum-object-size`. */
export type MinimumSize = 'all_storage_classes_128K' | 'varies_by_storage_class';

export interface Lifecycle {
  rules: LifecycleRule[];
  minimumSize: MinimumSize;
}

export const LIFECYCLE: ConfigKind<Lifecycle> = { name: 'lifecycle' };
