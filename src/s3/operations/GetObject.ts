import { readConditions } from '../fields/conditions.js';
import { readCustomerKey } from '../fields/customer-key.js';
import { header, versionId } from '../fields/field.js';
import { responseOverrides } from '../fields/metadata.js';
import { partNumber } from '../fields/part-number.js';
import { operation } from '../operation.js';
import { readObject, readPermission } from '../read.js';

export const getObject = operation({
  name: 'GetObject',
  route: { method: 'GET', on: 'object' },
  input: {
    versionId,
    partNumber,
    range: header('range'),
    ifRange: header('if-range'),
    checksumMode: header('x-amz-checksum-mode'),
    conditions: readConditions,
    customerKey: readCustomerKey,
    overrides: responseOverrides,
  },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key, versionId }) => [readPermission(bucket, key, versionId)],
  errors: [
    'InvalidObjectState',
    'InvalidPartNumber',
    'InvalidRange',
    'NoSuchKey',
    'NoSuchVersion',
    'NotModified',
    'PreconditionFailed',
  ],
  handle: (input, context) => readObject(input, context, true),
  reply: (reply) => reply,
});
