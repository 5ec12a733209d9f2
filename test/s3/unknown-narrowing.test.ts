import { describe, expect, test } from 'vitest';
import { parseXml } from '../../src/base/xml/parse.js';
import type { XmlTree } from '../../src/base/xml/ports.js';
import { S3Error } from '../../src/s3/error.js';
import { refuseUnknownNarrowing } from '../../src/s3/fields/narrowing-headers.js';
import type { RequestFields } from '../../src/s3/operation.js';
import { OPERATIONS } from '../../src/s3/registry.js';
import { apiModel } from '../support/api-model.js';

const model = apiModel('s3') as
  | undefined
  | {
      operations: Record<string, { input?: { shape: string } }>;
      shapes: Record<string, { members?: Record<string, { location?: string; locationName?: string }> }>;
    };

/** One document of each operation that takes one, with every element that narrows. */
const DOCUMENTS: Record<string, string> = {
  CompleteMultipartUpload:
    '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"a"</ETag></Part></CompleteMultipartUpload>',
  CreateBucket:
    '<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>',
  DeleteObjects:
    '<Delete><Object><Key>k</Key><VersionId>v</VersionId><ETag>e</ETag></Object><Quiet>true</Quiet></Delete>',
  PutBucketAccelerateConfiguration: '<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>',
  PutBucketAcl:
    '<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="x" xsi:type="CanonicalUser"><ID>g</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>',
  PutObjectAcl:
    '<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="x" xsi:type="Group"><URI>u</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>',
  PutBucketCors:
    '<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>',
  PutBucketEncryption:
    '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>',
  PutBucketLifecycleConfiguration:
    '<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><And><Prefix>p</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter><Expiration><Days>1</Days></Expiration><Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition><NoncurrentVersionTransition><NoncurrentDays>0</NoncurrentDays><StorageClass>GLACIER</StorageClass></NoncurrentVersionTransition><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>',
  PutBucketOwnershipControls:
    '<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>',
  PutBucketReplication:
    '<ReplicationConfiguration><Role>r</Role><Rule><Status>Enabled</Status><Priority>1</Priority><Filter><And><Prefix>p</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication><SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria><Destination><Bucket>arn:aws:s3:::bbb</Bucket><Account>111111111111</Account><AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation><EncryptionConfiguration><ReplicaKmsKeyID>k</ReplicaKmsKeyID><UseSourceMultiRegionKey><Status>Disabled</Status></UseSourceMultiRegionKey></EncryptionConfiguration><ReplicationTime><Status>Enabled</Status><Time><Minutes>15</Minutes></Time></ReplicationTime><Metrics><Status>Enabled</Status></Metrics></Destination></Rule></ReplicationConfiguration>',
  PutBucketRequestPayment: '<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>',
  PutBucketTagging: '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>',
  PutObjectTagging: '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>',
  PutBucketVersioning:
    '<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>',
  PutObjectLegalHold: '<LegalHold><Status>ON</Status></LegalHold>',
  PutObjectLockConfiguration:
    '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>',
  PutObjectRetention:
    '<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2036-01-01T00:00:00Z</RetainUntilDate></Retention>',
  PutPublicAccessBlock:
    '<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>',
  RestoreObject:
    '<RestoreRequest><Days>1</Days><GlacierJobParameters><Tier>Bulk</Tier></GlacierJobParameters></RestoreRequest>',
  UpdateObjectEncryption:
    '<ObjectEncryption><SSE-KMS><KMSKeyArn>arn:aws:kms:us-east-1:111111111111:key/k</KMSKeyArn></SSE-KMS></ObjectEncryption>',
};

/** All fields of the operation that read the body. */
function read(name: string, xml: XmlTree): void {
  const from = {
    method: 'PUT',
    bucket: 'b',
    key: 'k',
    query: new Map([['uploadId', 'u']]),
    headers: {},
    xml,
  } as unknown as RequestFields;
  for (const field of Object.values(OPERATIONS.find((one) => one.name === name)!.input)) {
    (field as { read(from: RequestFields): unknown }).read(from);
  }
}

/** The document with one more element, once in each element that has elements. */
function* withUnknown(tree: XmlTree, name: string): Generator<XmlTree> {
  if (tree.children.length === 0) return;
  yield { ...tree, children: [...tree.children, { name, attributes: {}, children: [], text: 'x' }] };
  for (const [i, child] of tree.children.entries()) {
    for (const changed of withUnknown(child, name)) yield { ...tree, children: tree.children.with(i, changed) };
  }
}

const code = (work: () => void): string => {
  try {
    work();
    return 'taken';
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
};

describe('an element that nobody knows', () => {
  /** They take an empty document and nothing else, which they say when they are let in. */
  const empty = ['PutBucketLogging', 'PutBucketNotificationConfiguration'];
  const withBody = OPERATIONS.filter(({ name, body }) => body?.kind === 'xml' && !empty.includes(name)).map(
    ({ name }) => name,
  );

  test('every operation with a document is here', () => {
    expect(Object.keys(DOCUMENTS).sort()).toEqual([...new Set(withBody)].sort());
  });

  test.each(withBody)('is refused wherever it stands in the document of %s', (name) => {
    const tree = parseXml(Buffer.from(DOCUMENTS[name]!));
    expect(code(() => read(name, tree))).toBe('taken');
    const changed = [...withUnknown(tree, 'Unless')];
    expect(changed.length).toBeGreaterThan(0);
    for (const one of changed) {
      expect([JSON.stringify(one), code(() => read(name, one))]).toEqual([
        JSON.stringify(one),
        expect.stringMatching(/^Malformed(XML|ACLError)$/),
      ]);
    }
  });

  test('what AWS has had since is refused by its name', () => {
    const wrap = (name: string, from: string, to: string) =>
      code(() => read(name, parseXml(Buffer.from(DOCUMENTS[name]!.replace(from, to + from)))));
    expect([
      wrap('PutObjectRetention', '<Mode>', '<EventHold>ON</EventHold>'),
      wrap('PutObjectRetention', '<Mode>', '<EventHoldDuration><Days>1</Days></EventHoldDuration>'),
      wrap('PutObjectLockConfiguration', '<Mode>', '<DefaultEventHold>ON</DefaultEventHold>'),
      wrap('CreateBucket', '<LocationConstraint>', '<Bucket><Type>Directory</Type></Bucket>'),
      wrap('CreateBucket', '<LocationConstraint>', '<Location><Name>a</Name></Location>'),
    ]).toEqual(Array(5).fill('NotImplemented'));
  });
});

describe('a header that nobody knows', () => {
  test.each([
    'x-amz-object-lock-event-hold',
    'x-amz-object-lock-event-hold-duration-days',
    'x-amz-object-lock-anything',
    'x-amz-if-match-initiated-time',
    'x-amz-if-unheard-of',
    'x-amz-copy-source-if-size',
    'x-amz-expected-object-owner',
    'x-amz-server-side-encryption-something',
    'x-amz-write-offset-bytes',
    'x-amz-grant-list',
    'x-amz-bucket-namespace',
  ])('%s is refused by its name, since it narrows or protects', (name) => {
    const headers = { host: 'x', 'x-amz-date': 'y', [name]: 'account-regional' };
    expect(() => refuseUnknownNarrowing(headers)).toThrow(
      expect.objectContaining({ code: 'NotImplemented', status: 501, extra: { Header: name } }),
    );
  });

  test('is taken where it does neither', () => {
    refuseUnknownNarrowing({ 'x-amz-meta-if-match': '1', 'x-amz-user-agent': 'a', 'x-amz-bucket-namespace': 'global' });
  });

  test.skipIf(!model)('of AWS’s model all are known or refused', () => {
    const refused = new Set<string>();
    for (const { name } of OPERATIONS) {
      const members = model!.shapes[model!.operations[name]?.input?.shape ?? '']?.members ?? {};
      for (const { location, locationName } of Object.values(members)) {
        const header = locationName?.toLowerCase();
        if (location !== 'header' || header === undefined) continue;
        if (code(() => refuseUnknownNarrowing({ [header]: 'x' })) !== 'taken') refused.add(header);
      }
    }
    expect([...refused].sort()).toEqual([
      'x-amz-bucket-namespace',
      'x-amz-if-match-initiated-time',
      'x-amz-object-lock-event-hold',
      'x-amz-object-lock-event-hold-duration-days',
      'x-amz-object-lock-event-hold-duration-years',
      'x-amz-write-offset-bytes',
    ]);
  });

  test('of a lock for a new bucket is true or false', () => {
    const { objectLock } = OPERATIONS.find(({ name }) => name === 'CreateBucket')!.input;
    const asked = (value: string) =>
      code(() =>
        objectLock!.read({ headers: { 'x-amz-bucket-object-lock-enabled': value } } as unknown as RequestFields),
      );
    expect(['true', 'TRUE', 'false', 'yes', '1', ''].map(asked)).toEqual([
      ...['taken', 'taken', 'taken'],
      ...Array(3).fill('InvalidArgument'),
    ]);
  });
});
