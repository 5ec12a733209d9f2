import type { AclPermission } from '../../store/records.js';

/** What an ACL's permission is called among the actions of policies. */
export interface AclRule {
  on: 'bucket' | 'object';
  permission: Exclude<AclPermission, 'FULL_CONTROL'>;
}

const rule = (on: AclRule['on'], permission: AclRule['permission']): AclRule => ({ on, permission });

/**
 * The actions that an ACL can allow. Whoever may write into a bucket may also take part in its uploads.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#acl-access-policy-permission-mapping
 */
export const ACL_RULES: ReadonlyMap<string, AclRule> = new Map([
  ['s3:ListBucket', rule('bucket', 'READ')],
  ['s3:ListBucketVersions', rule('bucket', 'READ')],
  ['s3:ListBucketMultipartUploads', rule('bucket', 'READ')],
  ['s3:PutObject', rule('bucket', 'WRITE')],
  ['s3:DeleteObject', rule('bucket', 'WRITE')],
  ['s3:AbortMultipartUpload', rule('bucket', 'WRITE')],
  ['s3:ListMultipartUploadParts', rule('bucket', 'WRITE')],
  ['s3:GetBucketAcl', rule('bucket', 'READ_ACP')],
  ['s3:PutBucketAcl', rule('bucket', 'WRITE_ACP')],
  ['s3:GetObject', rule('object', 'READ')],
  ['s3:GetObjectVersion', rule('object', 'READ')],
  ['s3:GetObjectAttributes', rule('object', 'READ')],
  ['s3:GetObjectVersionAttributes', rule('object', 'READ')],
  ['s3:GetObjectAcl', rule('object', 'READ_ACP')],
  ['s3:GetObjectVersionAcl', rule('object', 'READ_ACP')],
  ['s3:PutObjectAcl', rule('object', 'WRITE_ACP')],
  ['s3:PutObjectVersionAcl', rule('object', 'WRITE_ACP')],
]);

/** What naming an ACL with a new object asks of the bucket. */
export const ACL_OF_NEW_OBJECT = rule('bucket', 'WRITE');
