import type { XmlTree } from '../../base/xml/ports.js';
import type { VersionLock } from '../../store/records.js';
import { changeVersion } from '../change-version.js';
import { versionId } from '../fields/field.js';
import { bypassGovernance, isRetentionMode, parseIsoDate, refuseEventHold } from '../fields/object-lock.js';
import { malformed, only, text, xmlBody } from '../fields/xml.js';
import { mayBypassGovernance, requireFuture, requireObjectLock } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';

export const putObjectRetention = operation({
  name: 'PutObjectRetention',
  route: { method: 'PUT', on: 'object', query: ['retention'] },
  input: { versionId, retention: xmlBody(decode), bypassGovernance },
  body: { kind: 'xml', root: 'Retention', required: false, integrity: 'required' },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key }) => [{ action: 's3:PutObjectRetention', resource: objectArn(bucket, key) }],
  errors: [
    'NotImplemented',
    'AccessDenied',
    'InvalidArgument',
    'InvalidRequest',
    'MalformedXML',
    'MethodNotAllowed',
    'NoSuchKey',
    'NoSuchVersion',
  ],
  async handle({ key, versionId, retention, bypassGovernance }, context) {
    requireObjectLock(context.facts.bucket.record);
    if (retention) requireFuture(retention.untilMs, context.services.clock.now(), 'RetainUntilDate');
    const bypass = mayBypassGovernance(context, key, bypassGovernance);
    // Whether what there is may be weakened is the store's to decide, on the record that the commit replaces.
    await changeVersion(
      context,
      key,
      versionId,
      (content) => ({ ...content, lock: lockWith(content.lock, retention) }),
      bypass,
    );
  },
  reply: () => ({}),
});

function lockWith(lock: VersionLock | undefined, retention: VersionLock['retention'] | undefined): VersionLock {
  const { retention: _, ...others } = lock ?? {};
  return retention ? { ...others, retention } : others;
}

/** An empty element ends the retention; half of one is malformed. */
function decode(tree: XmlTree | undefined): VersionLock['retention'] | undefined {
  if (!tree) throw malformed();
  refuseEventHold(tree);
  only(tree, ['Mode', 'RetainUntilDate']);
  const [mode, until] = [text(tree, 'Mode'), text(tree, 'RetainUntilDate')];
  if (mode === undefined && until === undefined) return undefined;
  const untilMs = until === undefined ? undefined : parseIsoDate(until.trim());
  if (mode === undefined || !isRetentionMode(mode) || untilMs === undefined) throw malformed();
  return { mode, untilMs };
}
