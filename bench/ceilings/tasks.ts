/** What the process that measures ceilings is asked for, and in which unit it answers. */
export type CeilingTask =
  /** `clients` writers share the bare blob store, each with two batches under way. Answers bytes/s. */
  | { kind: 'blob-writes'; directory: string; clients: number; bytesPerClient: number; blobs?: 'value-log' | 'leveldb' }
  /** What the `blob-writes` before it took, closing the store included. Answers CPU seconds per GiB. */
  | { kind: 'blob-writes-cpu'; directory: string }
  /** Answers bytes/s. */
  | { kind: 'blob-reads'; directory: string; clients: number }
  /** Answers commits/s. */
  | { kind: 'commits'; directory: string; clients: number; count: number; recordBytes: number; bodyBytes: number }
  /** Pages of 1,000 rows with values, `under` a key prefix. Answers rows/s. */
  | { kind: 'iteration'; directory: string; prefix: string; pages: number }
  /** One row and a jump behind its key's first `prefixBytes`, through all current versions of a bucket (hex). Answers jumps/s. */
  | { kind: 'seeks'; directory: string; bucketId: string; prefixBytes: number }
  /** One core. Answer bytes/s. */
  | { kind: 'aes-gcm-open' | 'aes-gcm-seal' | 'md5' | 'sha256'; seconds: number };
