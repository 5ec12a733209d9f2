import type { XmlTree } from '../../base/xml/ports.js';
import type { ObjectOwnership } from '../../store/records.js';
import { updateBucket } from '../bucket-config.js';
import { S3Error } from '../error.js';
import { isOwnership } from '../fields/object-ownership.js';
import { children, malformed, only, requiredText, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

export const putBucketOwnershipControls = operation({
  name: 'PutBucketOwnershipControls',
  route: { method: 'PUT', on: 'bucket', query: ['ownershipControls'] },
  input: { ownership: xmlBody(decode) },
  body: { kind: 'xml', root: 'OwnershipControls', required: true },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketOwnershipControls', resource: bucketArn(bucket) }],
  errors: ['InvalidBucketAclWithObjectOwnership'],
  async handle({ ownership }, context) {
    await updateBucket(context, (record) => {
      // Whom the ACL lets in would be shut out without a word.
      const othersHave = record.acl?.some((grant) => !('account' in grant) || grant.account !== record.ownerAccountId);
      if (ownership === 'BucketOwnerEnforced' && othersHave) throw new S3Error('InvalidBucketAclWithObjectOwnership');
      return { ...record, ownership };
    });
  },
  reply: () => ({}),
});

function decode(tree: XmlTree | undefined): ObjectOwnership {
  if (!tree) throw malformed();
  only(tree, ['Rule']);
  const [rule, ...more] = children(tree, 'Rule');
  if (!rule || more.length > 0) throw malformed();
  only(rule, ['ObjectOwnership']);
  const ownership = requiredText(rule, 'ObjectOwnership').trim();
  if (!isOwnership(ownership)) throw malformed();
  return ownership;
}
