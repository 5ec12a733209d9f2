import { requireAudit } from '../audit.js';
import { dataCommand } from '../command.js';
import { finding, type Json, line, type Message } from '../message.js';

export const auditVerify = dataCommand({
  noun: 'audit',
  verb: 'verify',
  where: 'both',
  summary: 'checks that no record of the audit log was changed, removed or put in',
  arguments: {},
  async *run(_, { data }): AsyncGenerator<Message> {
    const { findings, ...verified } = await requireAudit(data).verify();
    const { pages, events, firstMs, lastMs, head, heads, removed } = verified;
    const span = firstMs === undefined ? '' : `, from ${iso(firstMs)} to ${iso(lastMs!)}`;
    yield line(`records  ${events} in ${pages} pages${span}`, {
      ...verified,
      findings: findings.length,
    } as unknown as Json);
    if (removed) yield line(`removed  ${removed.events} records by retention`);
    // Kept elsewhere, it uncovers even an old copy of data and head file together.
    if (!heads) yield line(`head     ${head.sequence} ${head.mac}`);
    for (const { chain, sequence, mac } of heads ?? []) yield line(`head     ${sequence} ${mac} (chain ${chain})`);
    for (const text of findings) yield finding(text);
  },
});

const iso = (ms: number): string => new Date(ms).toISOString();
