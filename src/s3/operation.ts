/**
 * How an S3 operation is declared: one file per operation, named as AWS names it, and one line in `registry.ts`.
 * The edge (`http/`) does the rest once: authentication, routing, reading the input, loading the facts, the policy decision
 * over `needs`, rendering the reply or the error, the log line and the metric.
 */

import type { Caller, SignatureFacts } from '../auth/ports.js';
import { inPartition, partitionOf } from '../base/partition.js';
import type { Secret } from '../base/secret.js';
import type { BodyProducer, BodySource } from '../base/stream.js';
import type { XmlNode, XmlTree } from '../base/xml/ports.js';
import type { ConditionValues } from '../policy/ports.js';
import type { FoundVersion } from '../store/objects.js';
import type { BucketRecord, ObjectRecord, UploadRecord } from '../store/records.js';
import type { Stored } from '../store/table.js';
import type { BucketPolicy } from './bucket-policy/known-policies.js';
import type { S3ErrorCode } from './error.js';
import type { FormReply } from './fields/form.js';
import type { Services } from './services.js';

/** As they were sent; present where at least one of the three was. */
export interface CustomerKeyHeaders {
  algorithm?: string;
  /** The base64 text, as bytes. */
  key?: Secret;
  keyMd5?: string;
  /** What was decoded from it: zeroed when the request is done. */
  opened?: Secret[];
}

/** What fields are read from. Built once per request by the edge; everything in it is already decoded. */
export interface RequestFields {
  method: string;
  /** Empty on the service level. */
  bucket: string;
  /** The Host header names the bucket, not the path. */
  virtualHost?: true;
  /** Percent-decoded; empty below the object level. */
  key: string;
  /** Percent-decoded; a parameter without `=` is the empty string. */
  query: ReadonlyMap<string, string>;
  /** By lower-case name. Repeated headers are joined with `,`. */
  headers: Readonly<Record<string, string | undefined>>;
  /** The SSE-C headers, taken out of `headers` at once (`x-amz-server-side-encryption-customer-*`). */
  sseCustomer?: CustomerKeyHeaders;
  /** The same for the source of a copy (`x-amz-copy-source-server-side-encryption-customer-*`). */
  copySourceSseCustomer?: CustomerKeyHeaders;
  /** Of a browser form, whose fields stand in `headers` then. */
  form?: FormReply;
  /** The root of a parsed XML body, where the operation declares one and a body was sent. */
  xml?: XmlTree;
  /** The body, where the operation declares one as text. */
  text?: string;
}

/** One typed input. Reading throws S3Error where the value is malformed. */
export interface Field<T> {
  read(from: RequestFields): T;
  /**
   * Read after the decision, and not there for `needs`: who may not do it is told so, whatever is wrong with the headers of
   * its encryption, and a policy may ask for these headers as they were sent.
   */
  late?: true;
}

export type Fields = Record<string, Field<unknown>>;
export type InputOf<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never } & {
  bucket: string;
  key: string;
};

/** Of an object that the request's target doesn't name. */
export interface Apart {
  versionId?: string | undefined;
  ifMatch?: string | undefined;
}

export interface Permission {
  /** `s3:GetObject` … */
  action: `s3:${string}`;
  /** Full ARN. */
  resource: string;
  /** It concerns an object that is about to be written: it will be its writer's, where the bucket doesn't say otherwise. */
  ofNewObject?: true;
  /**
   * Present where it is about another object than the one that the request's target names (a copy's source, a key of
   * DeleteObjects, a listing behind a missing key): the version and the If-Match that conditions then see. Those of the request
   * say nothing of it, and nor do its parameters of listing.
   */
  apart?: Apart;
}

/**
 * All of method, level, query and header must match; the most specific route (most `query` names, then `header`) wins; two that
 * tie stop start-up.
 */
export interface Route {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  on: 'service' | 'bucket' | 'object';
  /** Parameters that must be present; with a value, that value: `['uploads']`, `['list-type=2']`. */
  query?: readonly string[];
  /** A header that must be present: `x-amz-copy-source`. */
  header?: string;
}

export interface Facts {
  /** Present where `facts` names `bucket`; a missing bucket is NoSuchBucket before `handle` is called. */
  bucket: Stored<BucketRecord>;
  /** Where `facts` names `object`: the version that key and `versionId` name, or undefined if there is none. */
  object?: FoundVersion;
  /** Where `facts` names `upload`: the one that key and `uploadId` name, if there is one; policies decide by what it was created with. */
  upload?: Stored<UploadRecord>;
}

/** The version that a permission is asked about; `absent` where it was looked for. */
export type ObjectFact = ObjectRecord | 'absent';

export interface OperationContext {
  /** As AWS names it: what the key service's audit tells of the request behind a use of a key. */
  operationName: string;
  caller: Caller;
  signature: SignatureFacts;
  requestId: string;
  /** Raw fields, for the few that need all headers. */
  fields: RequestFields;
  /** `https` arrived, or a trusted proxy says so. */
  secure: boolean;
  /** The peer is on this machine. */
  loopback: boolean;
  sourceIp: string;
  /** `aws:` condition keys of the request. */
  requestContext: ConditionValues;
  facts: Facts;
  /** The request's body, verified while it is pumped. Empty source where there is none. */
  body: BodySource;
  services: Services;
  /**
   * May the caller do this as well? For permissions that are only known inside `handle`. `object`: the version that it is about,
   * where its ACL or tags count. Throws AccessDenied if not.
   */
  require(permission: Permission, bucket: BucketRecord, object?: ObjectFact): void;
  allowed(permission: Permission, bucket: BucketRecord, object?: ObjectFact): boolean;
  /**
   * What the operation `needs`, of the version that a commit is about to replace: it may be another one than was decided over, or
   * have other tags. Throws AccessDenied if not.
   */
  requireStill(object: ObjectRecord): void;
  /** A bucket other than the request's own, made ready for `require` and `allowed`. */
  enter(bucket: string): Promise<Stored<BucketRecord> | undefined>;
  /** Of the request's own bucket, or of one that was entered. */
  policyOf(bucket: BucketRecord): BucketPolicy | undefined;
}

export interface Reply {
  status?: number;
  /** Undefined values are left out. */
  headers?: Record<string, string | undefined>;
  /** Root name and children; the S3 namespace is added by the edge. */
  xml?: readonly [root: string, children: readonly XmlNode[]];
  /** A body that isn't XML, at once. */
  text?: readonly [contentType: string, text: string];
  /** The tree stands in no namespace (PostResponse). */
  noNamespace?: true;
  /** A root that has text instead of children (GetBucketLocation). */
  xmlText?: readonly [root: string, text: string];
  /** A body to stream; its length becomes Content-Length. Whoever asked closes it. */
  stream?: BodyProducer;
}

export interface Operation<F extends Fields = Fields, R = unknown> {
  name: string;
  route: Route;
  input: F;
  /**
   * `xml`: the edge reads at most `maxBytes`, verifies Content-MD5 and checksums, parses, and gives the tree to fields.
   * `integrity`: a Content-MD5 or checksum is required, or (`none`) checksum headers speak of something else than this body.
   * `required`: an empty body is MissingRequestBodyError. `malformed`: the code for what can't be parsed. `text`: read and
   * verified in the same way, and not parsed. `stream`: handle pumps `context.body`. Default: no body expected.
   */
  body?:
    | {
        kind: 'xml';
        root: string;
        required: boolean;
        maxBytes?: number;
        integrity?: 'required' | 'none';
        malformed?: S3ErrorCode;
      }
    | { kind: 'text'; maxBytes: number }
    | { kind: 'stream' };
  facts: readonly ('bucket' | 'object' | 'upload')[];
  /** Pure: what the caller must be allowed, decided before `handle`. */
  needs(input: InputOf<F>, facts: Facts): Permission[];
  /** All codes that `handle` and fields may answer with beyond those every operation shares. */
  errors: readonly S3ErrorCode[];
  handle(input: InputOf<F>, context: OperationContext): Promise<R>;
  reply(result: R, input: InputOf<F>): Reply;
}

/** Declares an operation; the types of `needs`, `handle` and `reply` follow from `input`. */
export function operation<F extends Fields, R>(declared: Operation<F, R>): Operation<F, R> {
  return declared;
}

/** ARNs of policies and encryption contexts. */
/**
 * Of resources, as the partition `aws` names them. What decides over them, and what shows them, puts them into that of the region
 * (`inPartition`).
 */
export const bucketArn = (bucket: string): string => `arn:aws:s3:::${bucket}`;
export const objectArn = (bucket: string, key: string): string => `arn:aws:s3:::${bucket}/${key}`;
/** As a bucket of this region is told to clients. */
export const bucketArnIn = (region: string, bucket: string): string =>
  inPartition(bucketArn(bucket), partitionOf(region));
