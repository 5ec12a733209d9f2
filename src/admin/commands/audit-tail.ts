import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from '../../auth/ports.js';
import type { AuditEvent } from '../../kms/audit/ports.js';
import { requireAudit } from '../audit.js';
import { dataCommand } from '../command.js';
import { finding, type Json, line, type Message } from '../message.js';

const COUNT = 20;
const COUNT_MAX = 10_000;
const POLL_MS = 500;

export const auditTail = dataCommand({
  noun: 'audit',
  verb: 'tail',
  where: 'both',
  summary: 'prints the newest records of the audit log',
  arguments: {
    count: { kind: 'integer', placeholder: 'N', summary: `how many (default ${COUNT}, at most ${COUNT_MAX})` },
    follow: { kind: 'flag', summary: 'goes on with what comes, until it is interrupted' },
  },
  async *run({ count = COUNT, follow }, { data, caller }): AsyncGenerator<Message> {
    const audit = requireAudit(data);
    const wanted = (event: AuditEvent): boolean => concerns(event, caller, data.accountIds.length === 1);
    const after = new Map(follow ? await audit.ends() : []);
    let entries = await audit.tail({ limit: Math.min(Math.max(count, 1), COUNT_MAX), wanted });
    for (;;) {
      for (const entry of entries) {
        const { chain = 0, sequence, index } = entry;
        const last = after.get(chain);
        const isNewer = !last || sequence > last.sequence || (sequence === last.sequence && index > last.index);
        if (isNewer) after.set(chain, { chain, sequence, index });
        const where = chain === 0 ? `page ${sequence}` : `chain ${chain}, page ${sequence}`;
        if ('damaged' in entry) yield finding(`${where}: ${entry.damaged}`);
        else {
          const shown = shownTo(entry.event, caller);
          yield line(textOf(shown), shown as unknown as Json);
        }
      }
      if (!follow) return;
      await sleep(POLL_MS);
      entries = await audit.tail({ limit: COUNT_MAX, after, wanted });
    }
  },
});

/**
 * The root of an account sees what its principals did, and what was done with its keys, clusters and backups. What is nobody's (failed authentications,
 * Coffer's own work) is for the root of the only account.
 */
function concerns(event: AuditEvent, caller: Caller | undefined, isOnly: boolean): boolean {
  if (!caller) return true;
  if (isOnly && !event.caller && event.keyArn === undefined && event.resourceArn === undefined) return true;
  return (
    [event.keyArn, event.sourceKeyArn, event.resourceArn].some((arn) => isOf(arn, caller)) ||
    event.caller?.accountId === caller.accountId
  );
}

/** Whether another account has such a key is nobody's business, as in the answer that the request got. */
function shownTo(event: AuditEvent, caller: Caller | undefined): AuditEvent {
  if (!caller || event.result !== 'AccessDeniedException') return event;
  const { keyArn, sourceKeyArn, ...rest } = event;
  return {
    ...rest,
    ...(keyArn !== undefined && isOf(keyArn, caller) && { keyArn }),
    ...(sourceKeyArn !== undefined && isOf(sourceKeyArn, caller) && { sourceKeyArn }),
  };
}

const isOf = (arn: string | undefined, { accountId }: Caller): boolean => arn?.split(':')[4] === accountId;

function textOf(event: AuditEvent): string {
  const { timeMs, result, action, eventSource, caller, viaService, source, grantId, encryptionContext, details } =
    event;
  return [
    new Date(timeMs).toISOString(),
    result,
    eventSource === undefined ? action : `${eventSource} ${action}`,
    caller ? caller.arn || 'anonymous' : 'Coffer',
    event.keyArn ?? event.resourceArn ?? '-',
    ...(viaService ? [`via ${viaService}`] : []),
    ...(source ? [`for ${source.operation} ${JSON.stringify(`${source.bucket}/${source.key}`)}`] : []),
    ...(grantId ? [`grant ${grantId}`] : []),
    ...(encryptionContext ? [`context ${JSON.stringify(encryptionContext)}`] : []),
    ...(details ? [JSON.stringify(details)] : []),
  ].join('  ');
}
