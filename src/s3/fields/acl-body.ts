import { parseAcl } from '../acl/document.js';
import type { AclRequest } from '../acl/request.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';
import { aclHeaders } from './acl.js';

/** What PutBucketAcl and PutObjectAcl were sent. */
export interface SentAcl {
  /** Canonical user id; of a body alone. */
  owner?: string;
  request: AclRequest;
}

/** Headers or a body, one of them. */
export const putAcl: Field<SentAcl> = {
  read: (from) => {
    const byHeaders = aclHeaders.read(from);
    if (byHeaders && from.xml) throw new S3Error('UnexpectedContent');
    if (byHeaders) return { request: byHeaders };
    if (!from.xml) throw new S3Error('MissingSecurityHeader', { extra: { MissingHeaderName: 'x-amz-acl' } });
    const { owner, grants } = parseAcl(from.xml);
    return { owner, request: { grants } };
  },
};
