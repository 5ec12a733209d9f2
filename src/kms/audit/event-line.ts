import type { AuditEvent } from './ports.js';

/** An event longer than this is cut: a page must take it. An encryption context alone may have 256 KiB. */
export const EVENT_MAX_BYTES = 32 * 1024;

/** No member of a cut event is longer, in characters. */
const CUT_TEXT_CHARACTERS = 1024;

/**
 * The one line of JSON that an event is stored as. Members are picked one by one: whatever else the objects hold that a caller
 * passed (a caller's secret key, a request's plaintext) is left behind.
 */
export function eventLine(event: AuditEvent): string {
  const line = JSON.stringify(picked(event));
  return Buffer.byteLength(line) <= EVENT_MAX_BYTES ? line : cutLine(event, Buffer.byteLength(line));
}

function picked(event: AuditEvent): AuditEvent {
  const { caller, source } = event;
  // Members that are undefined aren't written.
  return {
    eventId: event.eventId,
    timeMs: event.timeMs,
    requestId: event.requestId,
    eventSource: event.eventSource,
    action: event.action,
    caller: caller && {
      arn: caller.arn,
      accountId: caller.accountId,
      userId: caller.userId,
      accessKeyId: caller.accessKeyId,
    },
    sourceIp: event.sourceIp,
    viaService: event.viaService,
    source: source && { operation: source.operation, bucket: source.bucket, key: source.key },
    keyArn: event.keyArn,
    resourceArn: event.resourceArn,
    sourceKeyArn: event.sourceKeyArn,
    keyMaterialId: event.keyMaterialId,
    encryptionContext: event.encryptionContext,
    grantId: event.grantId,
    dryRun: event.dryRun,
    result: event.result,
    details: event.details,
  };
}

/** Keeps who did what to which key and how it ended; says how long the whole was. */
function cutLine(event: AuditEvent, wholeBytes: number): string {
  const { encryptionContext: _, details: __, ...rest } = picked(event);
  const cut = { ...rest, details: { cutFromBytes: wholeBytes } };
  return JSON.stringify(cut, (_name, value: unknown) =>
    typeof value === 'string' ? value.slice(0, CUT_TEXT_CHARACTERS) : value,
  );
}
