import type { ClientBudget } from '../base/client-budget.js';
import { XML_BODY_MAX_BYTES } from '../base/limits.js';
import type { BodySource } from '../base/stream.js';
import { parseXml, XmlError } from '../base/xml/parse.js';
import type { XmlTree } from '../base/xml/ports.js';
import { hasDigest } from '../s3/checksum/request.js';
import { uploadChecksums } from '../s3/checksum/upload-checksums.js';
import { S3Error, type S3ErrorCode } from '../s3/error.js';
import type { Operation, RequestFields } from '../s3/operation.js';
import { type ReadBody, withSmallBody } from './small-body.js';

type XmlBody = Extract<NonNullable<Operation['body']>, { kind: 'xml' }>;
type TextBody = Extract<NonNullable<Operation['body']>, { kind: 'text' }>;

/**
 * Reads and verifies a small body that is no XML. What isn't UTF-8 in it becomes U+FFFD, which nothing here takes for syntax.
 * @throws S3Error BadDigest, InvalidDigest, MaxMessageLengthExceeded
 */
export async function readTextBody(
  { maxBytes }: TextBody,
  headers: RequestFields['headers'],
  body: BodySource,
  budget: ClientBudget,
): Promise<string> {
  return withSmallBody(body, maxBytes, budget, async (read) =>
    (await verified(read, headers, undefined)).toString('utf8'),
  );
}

/**
 * Reads, verifies and parses the body that an operation declares. Undefined where none was sent and none is required.
 * @throws S3Error BadDigest, InvalidDigest, InvalidRequest, MalformedXML, MaxMessageLengthExceeded, MissingRequestBodyError
 */
export async function readXmlBody(
  declared: XmlBody,
  headers: RequestFields['headers'],
  body: BodySource,
  budget: ClientBudget,
): Promise<XmlTree | undefined> {
  const { root, required, maxBytes, integrity, malformed = 'MalformedXML' } = declared;
  return withSmallBody(body, maxBytes ?? XML_BODY_MAX_BYTES, budget, async (read) => {
    const bytes = await verified(read, headers, integrity);
    if (bytes.length > 0) return parse(bytes, root, malformed);
    if (required) throw new S3Error('MissingRequestBodyError');
    return undefined;
  });
}

async function verified(
  { bytes, end }: ReadBody,
  headers: RequestFields['headers'],
  integrity: XmlBody['integrity'],
): Promise<Buffer> {
  if (integrity === 'none') return bytes;
  if (integrity === 'required' && bytes.length > 0 && !hasDigest(headers)) {
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: Content-MD5' });
  }
  const checksums = await uploadChecksums(headers, { md5: false });
  checksums.update(bytes);
  checksums.verify(end.trailers);
  return bytes;
}

function parse(bytes: Buffer, root: string, malformed: S3ErrorCode): XmlTree {
  let tree: XmlTree;
  try {
    tree = parseXml(bytes);
  } catch (error) {
    if (error instanceof XmlError) throw new S3Error(malformed, { cause: error });
    throw error;
  }
  if (tree.name !== root) throw new S3Error(malformed);
  return tree;
}
