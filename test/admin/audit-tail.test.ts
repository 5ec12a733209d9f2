import { expect, test } from 'vitest';
import { auditTail } from '../../src/admin/commands/audit-tail.js';
import type { AuditEvent } from '../../src/kms/audit/ports.js';
import type { TailQuery } from '../../src/kms/audit/tail.js';
import { ACCOUNT, OTHER_ACCOUNT, root } from '../kms/harness.js';

const arn = (accountId: string, keyId: string) => `arn:aws:kms:us-east-1:${accountId}:key/${keyId}`;
const event = (accountId: string, more: Partial<AuditEvent>): AuditEvent => ({
  eventId: 'e',
  timeMs: 0,
  requestId: 'r',
  action: 'ReEncrypt',
  caller: { arn: `arn:aws:iam::${accountId}:root`, accountId, userId: accountId, accessKeyId: 'AKIA' },
  result: 'Success',
  ...more,
});

/** What the root of an account is shown of some events; nobody: offline, where everything is. */
async function tail(events: AuditEvent[], accountId?: string, accountIds = [ACCOUNT, OTHER_ACCOUNT]): Promise<string> {
  const entries = events.map((one, index) => ({ sequence: 1, index, event: one }));
  const audit = { tail: async ({ wanted }: TailQuery) => entries.filter((one) => wanted!(one.event)) };
  const data = { audit, accountIds } as never;
  const shown: unknown[] = [];
  const caller = accountId === undefined ? undefined : root(accountId).caller;
  for await (const message of auditTail.run({} as never, { data, caller })) shown.push(message);
  return JSON.stringify(shown);
}

test('who was refused another account’s key is not shown which key that would have been; its owner is', async () => {
  const refused = event(OTHER_ACCOUNT, {
    result: 'AccessDeniedException',
    keyArn: arn(ACCOUNT, 'foreign'),
    sourceKeyArn: arn(OTHER_ACCOUNT, 'own'),
  });
  const shown = await tail([refused], OTHER_ACCOUNT);
  expect(shown).not.toContain('foreign');
  expect(shown).toContain(arn(OTHER_ACCOUNT, 'own'));
  expect(shown).toContain('AccessDeniedException');
  expect(await tail([refused], ACCOUNT)).toContain(arn(ACCOUNT, 'foreign'));
  expect(await tail([refused])).toContain(arn(ACCOUNT, 'foreign'));
  const allowed = event(OTHER_ACCOUNT, { keyArn: arn(ACCOUNT, 'shared') });
  expect(await tail([allowed], OTHER_ACCOUNT)).toContain(arn(ACCOUNT, 'shared'));
  expect(await tail([event(ACCOUNT, { keyArn: arn(ACCOUNT, 'private') })], OTHER_ACCOUNT)).toBe('[]');
});

test('what is nobody’s, such as failed authentications, is shown to the root of an only account and not to one of several', async () => {
  const failed: AuditEvent = {
    eventId: 'e',
    timeMs: 0,
    requestId: 'r',
    action: 'AuthenticationFailure',
    result: 'SignatureDoesNotMatch',
  };
  expect(await tail([failed], ACCOUNT, [ACCOUNT])).toContain('AuthenticationFailure');
  expect(await tail([failed], ACCOUNT)).toBe('[]');
  expect(await tail([failed])).toContain('AuthenticationFailure');
});
