import type { VersioningStatus } from '../../store/records.js';
import { updateBucket } from '../bucket-config.js';
import { S3Error } from '../error.js';
import { malformed, only, text, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';
import { REPLICATION } from '../replication/rules.js';

export const putBucketVersioning = operation({
  name: 'PutBucketVersioning',
  route: { method: 'PUT', on: 'bucket', query: ['versioning'] },
  input: {
    status: xmlBody((tree): VersioningStatus | undefined => {
      if (!tree) throw malformed();
      only(tree, ['Status', 'MfaDelete']);
      const status = text(tree, 'Status');
      if (status !== undefined && status !== 'Enabled' && status !== 'Suspended') throw malformed();
      const mfa = text(tree, 'MfaDelete');
      if (mfa !== undefined && mfa !== 'Enabled' && mfa !== 'Disabled') throw malformed();
      if (mfa === 'Enabled') throw new S3Error('NotImplemented', { message: 'MFA delete is not implemented' });
      return status;
    }),
  },
  body: { kind: 'xml', root: 'VersioningConfiguration', required: true },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketVersioning', resource: bucketArn(bucket) }],
  errors: ['InvalidBucketState', 'IllegalVersioningConfigurationException', 'NotImplemented'],
  async handle({ status }, context) {
    if (status === undefined) throw new S3Error('IllegalVersioningConfigurationException');
    await updateBucket(context, (record) => {
      if (record.objectLock && status === 'Suspended') {
        throw new S3Error('InvalidBucketState', {
          message: 'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.',
        });
      }
      if (record.configs?.[REPLICATION.name] && status === 'Suspended') {
        throw new S3Error('InvalidBucketState', {
          message: 'A replication configuration is present on this bucket, so the versioning state cannot be changed.',
        });
      }
      return { ...record, versioning: status };
    });
  },
  reply: () => ({}),
});
