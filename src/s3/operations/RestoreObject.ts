import type { XmlTree } from '../../base/xml/ports.js';
import { changeVersion } from '../change-version.js';
import { daysAfter } from '../days.js';
import { S3Error } from '../error.js';
import { versionId } from '../fields/field.js';
import { isArchived } from '../fields/storage-class.js';
import { child, malformed, only, requiredText, text, xmlBody } from '../fields/xml.js';
import { objectArn, operation } from '../operation.js';
import { isRestored } from '../restore.js';

const TIERS = ['Standard', 'Bulk', 'Expedited'] as const;
/** AWS's Days is a Java int. */
const DAYS_MAX = 2_147_483_647;

/** All bytes lie in one place, so that a restoration is done at once and only has an end. */
export const restoreObject = operation({
  name: 'RestoreObject',
  route: { method: 'POST', on: 'object', query: ['restore'] },
  input: { versionId, request: xmlBody(decode) },
  body: { kind: 'xml', root: 'RestoreRequest', required: true },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key }) => [{ action: 's3:RestoreObject', resource: objectArn(bucket, key) }],
  errors: [
    'InvalidArgument',
    'InvalidObjectState',
    'MalformedXML',
    'MethodNotAllowed',
    'NoSuchKey',
    'NoSuchVersion',
    'NotImplemented',
  ],
  async handle({ key, versionId, request }, context) {
    const { clock, settings } = context.services;
    const nowMs = clock.now();
    let wasRestored = false;
    await changeVersion(context, key, versionId, (content) => {
      if (!isArchived(content.storageClass)) {
        throw new S3Error('InvalidObjectState', {
          message: "Restore is not allowed for the object's current storage class",
          extra: { StorageClass: content.storageClass },
        });
      }
      if (content.storageClass === 'DEEP_ARCHIVE' && request.tier === 'Expedited') {
        throw new S3Error('InvalidArgument', {
          message: 'Retrieval option is not supported by this storage class',
          extra: { ArgumentName: 'Tier', ArgumentValue: request.tier },
        });
      }
      wasRestored = isRestored(content, nowMs);
      return { ...content, restoredUntilMs: daysAfter(nowMs, request.days, settings.dayMs) };
    });
    return wasRestored;
  },
  // 202 where a copy was asked for, 200 where the end of an existing one was moved.
  reply: (wasRestored) => ({ status: wasRestored ? 200 : 202 }),
});

function decode(tree: XmlTree | undefined): { days: number; tier: (typeof TIERS)[number] } {
  if (!tree) throw malformed();
  only(tree, ['Days', 'GlacierJobParameters', 'Tier', 'Description', 'Type', 'SelectParameters', 'OutputLocation']);
  for (const name of ['Type', 'SelectParameters', 'OutputLocation']) {
    if (child(tree, name)) throw new S3Error('NotImplemented', { message: 'Select requests are not implemented' });
  }
  const days = requiredText(tree, 'Days').trim();
  if (!/^[+-]?\d{1,10}$/.test(days) || Number(days) > DAYS_MAX) throw malformed();
  if (Number(days) < 1) {
    throw new S3Error('InvalidArgument', {
      message: 'restoration days should be at least 1',
      extra: { ArgumentName: 'Days', ArgumentValue: days },
    });
  }
  const job = child(tree, 'GlacierJobParameters');
  if (job) only(job, ['Tier']);
  const named = job ? requiredText(job, 'Tier') : (text(tree, 'Tier') ?? 'Standard');
  const tier = TIERS.find((one) => one === named);
  if (!tier) throw malformed();
  return { days: Number(days), tier };
}
