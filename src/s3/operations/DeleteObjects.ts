import { DELETE_OBJECTS_MAX, OBJECT_KEY_MAX_BYTES } from '../../base/limits.js';
import type { XmlNode, XmlTree } from '../../base/xml/ports.js';
import type { ObjectRecord } from '../../store/records.js';
import { checkDeletion, deleteOne, deletePermission } from '../delete.js';
import { S3Error } from '../error.js';
import { bypassGovernance } from '../fields/object-lock.js';
import { boolean, children, malformed, only, requiredText, text, xmlBody } from '../fields/xml.js';
import { refuseBypass } from '../object-lock.js';
import { type OperationContext, objectArn, operation } from '../operation.js';

/** Keys that one request deletes at the same time. */
const AT_ONCE = 32;

interface Target {
  key: string;
  versionId?: string;
  etag?: string;
  /** Refused: only directory buckets have these two. */
  unsupported?: string;
}

type Outcome =
  | { target: Target; versionId?: string; deleteMarker: boolean; markerVersionId?: string }
  | { target: Target; code: string; message: string };

export const deleteObjects = operation({
  name: 'DeleteObjects',
  route: { method: 'POST', on: 'bucket', query: ['delete'] },
  input: { request: xmlBody(decode), bypassGovernance },
  body: { kind: 'xml', root: 'Delete', required: true, integrity: 'required' },
  facts: ['bucket'],
  // Each key is asked for on its own: what is refused is told in that key's result.
  needs: () => [],
  errors: ['InvalidArgument'],
  async handle({ bucket, request, bypassGovernance }, context) {
    refuseBypass(bypassGovernance, context.facts.bucket.record);
    const outcomes: Outcome[] = new Array(request.targets.length);
    const work = byKey(request.targets);
    const some = async (): Promise<void> => {
      for (let targets = work.pop(); targets; targets = work.pop()) {
        for (const i of targets) {
          outcomes[i] = await deleteTarget(bucket, request.targets[i]!, context, bypassGovernance);
        }
      }
    };
    // Many at once: the engine puts their commits into one synced group.
    await Promise.all(Array.from({ length: AT_ONCE }, some));
    return outcomes;
  },
  reply: (outcomes, { request }) => ({
    xml: ['DeleteResult', outcomes.flatMap((outcome): XmlNode[] => outcomeNodes(outcome, request.quiet))],
  }),
});

/** Indexes of the targets, those of one key together and in their order: what is asked of a key first is done first. */
function byKey(targets: readonly Target[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [i, { key }] of targets.entries()) {
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  }
  return [...groups.values()];
}

async function deleteTarget(
  bucket: string,
  target: Target,
  context: OperationContext,
  bypassGovernance: boolean | undefined,
): Promise<Outcome> {
  const { key, versionId, etag, unsupported } = target;
  try {
    const permission = deletePermission(objectArn(bucket, key), versionId, { versionId, ifMatch: etag });
    context.require(permission, context.facts.bucket.record);
    if (Buffer.byteLength(key, 'utf8') > OBJECT_KEY_MAX_BYTES) throw new S3Error('KeyTooLongError');
    if (unsupported) throw new S3Error('NotImplemented', { extra: { Header: unsupported } });
    const condition = (found: ObjectRecord | undefined): void => checkDeletion(context, key, versionId, etag, found);
    const removal = await deleteOne(context, key, versionId, { condition, bypassGovernance }).catch((error) => {
      // What DeleteObject calls a bad argument is a missing version here; one that is gone already is deleted.
      if (error instanceof S3Error && error.code === 'InvalidArgument') throw new S3Error('NoSuchVersion');
      throw error;
    });
    const outcome: Outcome = { target, deleteMarker: removal.deleteMarker };
    if (versionId !== undefined) outcome.versionId = versionId;
    if (removal.deleteMarker && removal.versionId !== undefined) outcome.markerVersionId = removal.versionId;
    return outcome;
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return { target, code: error.code, message: error.message };
  }
}

function outcomeNodes(outcome: Outcome, quiet: boolean): XmlNode[] {
  const { key, versionId } = outcome.target;
  if ('code' in outcome) {
    return [
      [
        'Error',
        [
          ['Key', key],
          ['VersionId', versionId],
          ['Code', outcome.code],
          ['Message', outcome.message],
        ],
      ],
    ];
  }
  if (quiet) return [];
  return [
    [
      'Deleted',
      [
        ['Key', key],
        ['VersionId', outcome.versionId],
        ['DeleteMarker', outcome.deleteMarker || undefined],
        ['DeleteMarkerVersionId', outcome.markerVersionId],
      ],
    ],
  ];
}

function decode(tree: XmlTree | undefined): { quiet: boolean; targets: Target[] } {
  if (!tree) throw malformed();
  only(tree, ['Object', 'Quiet']);
  const objects = children(tree, 'Object');
  if (objects.length === 0 || objects.length > DELETE_OBJECTS_MAX) throw malformed();
  const targets = objects.map((object): Target => {
    only(object, ['Key', 'VersionId', 'ETag', 'LastModifiedTime', 'Size']);
    const target: Target = { key: requiredText(object, 'Key') };
    if (target.key === '') {
      throw new S3Error('UserKeyMustBeSpecified', { message: 'The key of an object to delete must not be empty.' });
    }
    const versionId = text(object, 'VersionId');
    const etag = text(object, 'ETag');
    if (versionId) target.versionId = versionId;
    if (etag !== undefined) target.etag = etag;
    if (text(object, 'LastModifiedTime') !== undefined) target.unsupported = 'LastModifiedTime';
    if (text(object, 'Size') !== undefined) target.unsupported = 'Size';
    return target;
  });
  return { quiet: boolean(tree, 'Quiet') ?? false, targets };
}
