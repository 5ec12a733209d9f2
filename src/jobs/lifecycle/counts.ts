/** What a run of the lifecycle job did. */
export interface LifecycleCounts {
  /** With rules that are on. */
  buckets: number;
  /** Versions that were looked at. */
  versions: number;
  /** Current versions that were deleted, or got a delete marker in front of them. */
  expired: number;
  /** Noncurrent versions that were deleted. */
  deletedVersions: number;
  deletedMarkers: number;
  transitioned: number;
  abortedUploads: number;
  /** Due, but locked, or changed before it could be done. */
  kept: number;
  /** Buckets that couldn't be read to their end. */
  failedBuckets: number;
}

export const noCounts = (): LifecycleCounts => ({
  buckets: 0,
  versions: 0,
  expired: 0,
  deletedVersions: 0,
  deletedMarkers: 0,
  transitioned: 0,
  abortedUploads: 0,
  kept: 0,
  failedBuckets: 0,
});
