import { readConditions } from '../fields/conditions.js';
import { readCustomerKey } from '../fields/customer-key.js';
import { header, versionId } from '../fields/field.js';
import { responseOverrides } from '../fields/metadata.js';
import { partNumber } from '../fields/part-number.js';
import { objectArn, operation } from '../operation.js';
import { readObject } from '../read.js';

export const headObject = operation({
  name: 'HeadObject',
  route: { method: 'HEAD', on: 'object' },
  input: {
    versionId,
    partNumber,
    range: header('range'),
    checksumMode: header('x-amz-checksum-mode'),
    conditions: readConditions,
    customerKey: readCustomerKey,
    overrides: responseOverrides,
  },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key, versionId }) => [
    { action: versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion', resource: objectArn(bucket, key) },
  ],
  errors: [
    'InvalidObjectState',
    'InvalidPartNumber',
    'InvalidRange',
    'NoSuchKey',
    'NoSuchVersion',
    'NotModified',
    'PreconditionFailed',
  ],
  handle: (input, context) => readObject(input, context, false),
  reply: (reply) => reply,
});
