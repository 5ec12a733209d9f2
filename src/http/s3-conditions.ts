import type { TLSSocket } from 'node:tls';
import type { Authenticated } from '../auth/authenticate.js';
import { textOfBytes } from '../base/byte-text.js';
import type { XmlTree } from '../base/xml/ports.js';
import type { ConditionValues } from '../policy/ports.js';
import { parseIsoDate } from '../s3/fields/object-lock.js';
import { tagging } from '../s3/fields/tagging.js';
import { OF_CREATION } from '../s3/multipart/created-with.js';
import type { Apart, RequestFields } from '../s3/operation.js';
import type { ObjectRecord } from '../store/records.js';

/** What conditions on a request of S3 are worked out from. */
export interface ConditionSource {
  /** As AWS names it. */
  operation: string;
  region: string;
  fields: RequestFields;
  signature: Authenticated['signature'];
  /** `aws:` keys. */
  requestContext: ConditionValues;
  socket: unknown;
  /** Of the upload that the request is part of. */
  upload?: CreatedUpload;
}

/** What decides over an upload from its creation to its end. */
export interface CreatedUpload {
  createdWith: Readonly<Record<string, string>>;
  beganMs: number;
}

/** What they are about. */
export interface ConditionTarget {
  resourceAccountId: string;
  object?: ObjectRecord | undefined;
  bucketTags?: Tags | undefined;
  /** Where it isn't what the request's target names. */
  apart?: Apart | undefined;
}

/**
 * The condition keys of S3, each worked out when a policy asks for it.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
 */
export class S3Conditions implements ConditionValues {
  constructor(
    private readonly source: ConditionSource,
    private readonly target: ConditionTarget,
  ) {}

  get(key: string): readonly string[] | undefined {
    if (!key.startsWith('s3:')) return this.#global(key);
    const name = key.slice('s3:'.length);
    const { fields, signature } = this.source;
    const { apart } = this.target;
    if (name === 'if-match') return one(apart ? apart.ifMatch : fields.headers['if-match']);
    if (name === 'versionid') return one(apart ? apart.versionId : fields.query.get('versionId'));
    const header = HEADERS.get(name);
    if (header !== undefined) return one(textOf(this.#header(header)));
    if (PARAMETERS.has(name)) return apart ? undefined : one(fields.query.get(name));
    if (name.startsWith(LOCK)) return one(this.#lock(name.slice(LOCK.length)));
    if (name.startsWith(EXISTING_TAG))
      return valuesOf(this.target.object?.content?.tags, name.slice(EXISTING_TAG.length));
    if (name.startsWith(REQUEST_TAG)) return valuesOf(this.#objectTags(), name.slice(REQUEST_TAG.length));
    if (name.startsWith(BUCKET_TAG)) return valuesOf(this.target.bucketTags, name.slice(BUCKET_TAG.length));
    switch (name) {
      case 'x-amz-copy-source':
        return one(copySourceOf(fields.headers['x-amz-copy-source']));
      // The one of the three headers that is no secret. The others aren't within reach of a policy.
      case CUSTOMER_ALGORITHM:
        return one(this.source.upload ? this.#header(name) : fields.sseCustomer?.algorithm);
      case 'requestobjecttagkeys':
        return this.#objectTags()?.map(([tag]) => tag);
      case 'locationconstraint':
        return one(fields.xml?.children.find((child) => child.name === 'LocationConstraint')?.text);
      case 'objectcreationoperation':
        return one(CREATIONS.get(this.source.operation));
      case 'signatureversion':
        return one(signature.version || undefined);
      case 'authtype':
        return one(signature.type === 'anonymous' ? undefined : signature.type);
      case 'signatureage':
        return signature.type === 'anonymous' ? undefined : [String(signature.ageMs)];
      case 'tlsversion':
        return one(tlsVersion(this.source.socket));
      case 'resourceaccount':
        return [this.target.resourceAccountId];
      default:
        return undefined;
    }
  }

  /** As it was sent: with the request, or with the upload that it is part of. */
  #header(name: string): string | undefined {
    const { upload, fields } = this.source;
    return upload && OF_CREATION.has(name) ? upload.createdWith[name] : fields.headers[name];
  }

  #objectTags(): Tags | undefined {
    const { upload, fields } = this.source;
    return objectTags(upload ? { ...fields, headers: upload.createdWith } : fields);
  }

  #global(key: string): readonly string[] | undefined {
    const { requestContext, fields } = this.source;
    if (key === 'aws:resourceaccount') return [this.target.resourceAccountId];
    if (key === 'aws:requestedregion') return [this.source.region];
    // Nobody else asks S3 in a caller's name here.
    if (key === 'aws:viaawsservice') return ['false'];
    // The resource that has such tags is the bucket; those of objects have keys of their own.
    if (key.startsWith(AWS_RESOURCE_TAG)) return valuesOf(this.target.bucketTags, key.slice(AWS_RESOURCE_TAG.length));
    if (key.startsWith(AWS_REQUEST_TAG)) return valuesOf(bucketTags(fields), key.slice(AWS_REQUEST_TAG.length));
    if (key === 'aws:tagkeys') return bucketTags(fields)?.map(([tag]) => tag);
    return requestContext.get(key);
  }

  #lock(name: string): string | undefined {
    if (name === 'remaining-retention-days') {
      const untilMs = Date.parse(this.#lock(UNTIL) ?? '');
      const { upload, requestContext } = this.source;
      const nowMs = upload?.beganMs ?? Number(requestContext.get('aws:epochtime')?.[0]) * 1000;
      return Number.isNaN(untilMs - nowMs) ? undefined : String(Math.floor((untilMs - nowMs) / DAY_MS));
    }
    const [header, root, element] = LOCKS.get(name) ?? [];
    if (header === undefined) return undefined;
    const { xml } = this.source.fields;
    const sent =
      xml?.name === root ? xml?.children.find((child) => child.name === element)?.text : this.#header(header);
    const untilMs = name === UNTIL && sent !== undefined ? parseIsoDate(sent.trim()) : undefined;
    // However it was written, a policy sees the moment that will count.
    return untilMs === undefined ? sent : new Date(untilMs).toISOString();
  }
}

const CUSTOMER_ALGORITHM = 'x-amz-server-side-encryption-customer-algorithm';
const LOCK = 'object-lock-';
const UNTIL = 'retain-until-date';
const EXISTING_TAG = 'existingobjecttag/';
const REQUEST_TAG = 'requestobjecttag/';
const BUCKET_TAG = 'buckettag/';
const AWS_RESOURCE_TAG = 'aws:resourcetag/';
const AWS_REQUEST_TAG = 'aws:requesttag/';

/** By the name behind `s3:`. */
const HEADERS = new Map<string, string>([
  ...[
    'x-amz-acl',
    'x-amz-content-sha256',
    'x-amz-grant-full-control',
    'x-amz-grant-read',
    'x-amz-grant-read-acp',
    'x-amz-grant-write',
    'x-amz-grant-write-acp',
    'x-amz-metadata-directive',
    'x-amz-object-ownership',
    'x-amz-server-side-encryption',
    'x-amz-server-side-encryption-aws-kms-key-id',
    'x-amz-storage-class',
    'x-amz-website-redirect-location',
    'if-none-match',
  ].map((name): [string, string] => [name, name]),
]);

/** Of Object Lock: the header of a write, or the element of the body that puts it. By the name behind `s3:object-lock-`. */
const LOCKS = new Map<string, readonly [header: string, root: string, element: string]>([
  ['mode', ['x-amz-object-lock-mode', 'Retention', 'Mode']],
  [UNTIL, ['x-amz-object-lock-retain-until-date', 'Retention', 'RetainUntilDate']],
  ['legal-hold', ['x-amz-object-lock-legal-hold', 'LegalHold', 'Status']],
]);
const DAY_MS = 86_400_000;

/**
 * Of what s3:PutObject allows: does the operation make an object, and so take If-Match and If-None-Match?
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
 */
const CREATIONS = new Map([
  ...['PutObject', 'PostObject', 'CopyObject', 'CompleteMultipartUpload', 'RenameObject'].map(
    (name): [string, string] => [name, 'true'],
  ),
  ...['CreateMultipartUpload', 'UploadPart', 'UploadPartCopy'].map((name): [string, string] => [name, 'false']),
]);

/** Of a listing. */
const PARAMETERS: ReadonlySet<string> = new Set(['prefix', 'delimiter', 'max-keys']);

const one = (value: string | undefined): readonly string[] | undefined => (value === undefined ? undefined : [value]);

type Tags = readonly (readonly [key: string, value: string])[];

/** Condition keys come in lower case, tags don't. */
function valuesOf(tags: Tags | undefined, lowerKey: string): string[] | undefined {
  const found = tags?.filter(([key]) => key.toLowerCase() === lowerKey).map(([, value]) => value);
  return found?.length ? found : undefined;
}

/** Of `x-amz-tagging`, or of the body of PutObjectTagging. Malformed ones are none: the request fails by its own check. */
function objectTags(fields: RequestFields): Tags | undefined {
  if (fields.key === '') return undefined;
  if (fields.xml?.name === 'Tagging') return tagsIn(fields.xml, 'TagSet') ?? [];
  // A copy that keeps its source's tags takes no notice of the header.
  const { method, headers } = fields;
  const isCopy = method === 'PUT' && headers['x-amz-copy-source'] !== undefined;
  if (isCopy && headers['x-amz-tagging-directive'] !== 'REPLACE') return undefined;
  try {
    return tagging.read(fields);
  } catch {
    return undefined;
  }
}

/** Of the body of PutBucketTagging, or of CreateBucket. */
function bucketTags({ key, xml }: RequestFields): Tags | undefined {
  if (key !== '' || !xml) return undefined;
  if (xml.name === 'Tagging') return tagsIn(xml, 'TagSet');
  return xml.name === 'CreateBucketConfiguration' ? tagsIn(xml, 'Tags') : undefined;
}

function tagsIn(tree: XmlTree, name: string): Tags | undefined {
  const set = tree.children.find((child) => child.name === name)?.children;
  const textOf = (tag: XmlTree, name: string): string => tag.children.find((child) => child.name === name)?.text ?? '';
  return set?.map((tag) => [textOf(tag, 'Key'), textOf(tag, 'Value')] as const);
}

const textOf = (header: string | undefined): string | undefined => header && textOfBytes(header);

/** `bucket/key`, decoded, without the slash in front. */
function copySourceOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const path = textOfBytes(header).replace(/\?versionId=.*$/, '');
  try {
    return decodeURIComponent(path.replaceAll('+', '%20')).replace(/^\//, '');
  } catch {
    return path;
  }
}

/** `1.2`, `1.3`. */
function tlsVersion(socket: unknown): string | undefined {
  const protocol = (socket as Partial<TLSSocket> | undefined)?.getProtocol?.();
  return protocol?.replace(/^TLSv/, '');
}
