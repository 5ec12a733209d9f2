import type { EncryptionContext } from '../../encryption/ports.js';
import type { CommitBuilder } from '../../store/table.js';

/** One request of KMS or CloudHSM, in process or over the wire, allowed or refused. Becomes one record of the audit log. Never holds a secret. */
export interface AuditEvent {
  /** UUID, drawn with the event. */
  eventId: string;
  timeMs: number;
  requestId: string;
  /** `cloudhsm.amazonaws.com`; absent: KMS. */
  eventSource?: string | undefined;
  /** As the API names it: `Decrypt`. The service's own work: `AutomaticRotation`, `DestroyKey`, `ExpireKeyMaterial`. */
  action: string;
  /** Absent where the service itself acts. */
  caller?: { arn: string; accountId: string; userId: string; accessKeyId: string } | undefined;
  sourceIp?: string | undefined;
  /** `s3.<region>.amazonaws.com` where the store called for a client. */
  viaService?: string | undefined;
  /** The S3 request behind it. */
  source?: { operation: string; bucket: string; key: string } | undefined;
  /** The key (of ReEncrypt: the destination); absent where the request named none that exists. */
  keyArn?: string | undefined;
  /** The cluster or backup, where CloudHSM was asked. */
  resourceArn?: string | undefined;
  /** Of ReEncrypt. */
  sourceKeyArn?: string | undefined;
  /** The backing key that was used. */
  keyMaterialId?: string | undefined;
  encryptionContext?: EncryptionContext | undefined;
  /** The grant that allowed it. */
  grantId?: string | undefined;
  dryRun?: true | undefined;
  /** `Success`, or the code of the error. */
  result: string;
  /** What else the request said that matters later: `PendingWindowInDays`, the impact of a deletion. */
  details?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** The last successful cryptographic operation of a key, for GetKeyLastUsage. */
export interface LastUse {
  operation: string;
  timeMs: number;
  eventId: string;
  requestId: string;
}

/** Where the key service leaves its records. */
export interface AuditLog {
  /**
   * For what doesn't mutate: queued, written with the next batch or within 200 ms. Answers a promise only where the queue is
   * full; whoever waits for it lets the disk catch up. `used`: the keys whose last use this is.
   * `accountId`: as `accountAt` says.
   * While the log can't be written the promise rejects with StoreUnavailable, and the caller must not give its answer.
   */
  record(event: AuditEvent, used?: readonly { accountId: string; keyId: string }[]): Promise<void> | undefined;
  /**
   * For what mutates: the event becomes part of the commit, both or neither. `false`: a check failed and nothing was written.
   * @throws as MetaStore.commit
   */
  commit(commit: CommitBuilder, event: AuditEvent): Promise<boolean>;
  lastUse(accountId: string, keyId: string): Promise<LastUse | undefined>;
}
