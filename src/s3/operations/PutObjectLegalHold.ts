import { changeVersion } from '../change-version.js';
import { versionId } from '../fields/field.js';
import { malformed, only, requiredText, xmlBody } from '../fields/xml.js';
import { requireObjectLock } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';

export const putObjectLegalHold = operation({
  name: 'PutObjectLegalHold',
  route: { method: 'PUT', on: 'object', query: ['legal-hold'] },
  input: {
    versionId,
    status: xmlBody((tree): 'ON' | 'OFF' => {
      if (!tree) throw malformed();
      only(tree, ['Status']);
      const status = requiredText(tree, 'Status');
      if (status !== 'ON' && status !== 'OFF') throw malformed();
      return status;
    }),
  },
  body: { kind: 'xml', root: 'LegalHold', required: false, integrity: 'required' },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key }) => [{ action: 's3:PutObjectLegalHold', resource: objectArn(bucket, key) }],
  errors: ['InvalidRequest', 'MalformedXML', 'MethodNotAllowed', 'NoSuchKey', 'NoSuchVersion'],
  async handle({ key, versionId, status }, context) {
    requireObjectLock(context.facts.bucket.record);
    await changeVersion(context, key, versionId, (content) => ({
      ...content,
      lock: { ...content.lock, legalHold: status },
    }));
  },
  reply: () => ({}),
});
