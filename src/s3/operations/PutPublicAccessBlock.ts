import type { XmlTree } from '../../base/xml/ports.js';
import type { PublicAccessBlock } from '../../store/records.js';
import { updateBucket } from '../bucket-config.js';
import { boolean, malformed, only, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

export const putPublicAccessBlock = operation({
  name: 'PutPublicAccessBlock',
  route: { method: 'PUT', on: 'bucket', query: ['publicAccessBlock'] },
  input: { settings: xmlBody(decode) },
  body: { kind: 'xml', root: 'PublicAccessBlockConfiguration', required: true },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketPublicAccessBlock', resource: bucketArn(bucket) }],
  errors: [],
  async handle({ settings }, context) {
    await updateBucket(context, (record) => ({ ...record, publicAccessBlock: settings }));
  },
  reply: () => ({}),
});

/** What isn't named is off. */
function decode(tree: XmlTree | undefined): PublicAccessBlock {
  if (!tree) throw malformed();
  only(tree, ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets']);
  if (tree.children.length === 0) throw malformed();
  return {
    blockPublicAcls: boolean(tree, 'BlockPublicAcls') ?? false,
    ignorePublicAcls: boolean(tree, 'IgnorePublicAcls') ?? false,
    blockPublicPolicy: boolean(tree, 'BlockPublicPolicy') ?? false,
    restrictPublicBuckets: boolean(tree, 'RestrictPublicBuckets') ?? false,
  };
}
