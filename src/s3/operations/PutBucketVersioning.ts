import type { VersioningStatus } from '../../store/records.js';
import { S3Error } from '../error.js';
import { malformed, only, text, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

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
  errors: ['IllegalVersioningConfigurationException', 'NotImplemented'],
  async handle({ bucket, status }, { services }) {
    if (status === undefined) throw new S3Error('IllegalVersioningConfigurationException');
    await services.buckets.update(bucket, (record) => ({ ...record, versioning: status }));
  },
  reply: () => ({}),
});
