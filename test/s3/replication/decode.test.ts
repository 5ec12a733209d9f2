import { describe, expect, test } from 'vitest';
import { parseXml } from '../../../src/base/xml/parse.js';
import { xmlDocument } from '../../../src/base/xml/write.js';
import { S3Error } from '../../../src/s3/error.js';
import { decodeReplication } from '../../../src/s3/replication/decode.js';
import { replicationNodes } from '../../../src/s3/replication/encode.js';

const DESTINATION = '<Destination><Bucket>arn:aws:s3:::target</Bucket></Destination>';
const ON = '<Status>Enabled</Status>';
const MARKERS = `<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>`;
const V2 = `<ID>a</ID><Priority>1</Priority><Filter/>${ON}${DESTINATION}${MARKERS}`;
const V1 = `<ID>a</ID><Prefix>p</Prefix>${ON}${DESTINATION}`;
const rules = (...all: string[]) =>
  `<ReplicationConfiguration><Role>role</Role>${all.map((one) => `<Rule>${one}</Rule>`).join('')}</ReplicationConfiguration>`;
const decode = (xml: string) => decodeReplication(parseXml(Buffer.from(xml)));

const FULL = rules(
  `<ID>a</ID><Priority>0</Priority><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>${ON}` +
    '<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects><ReplicaModifications><Status>Disabled</Status></ReplicaModifications></SourceSelectionCriteria>' +
    '<ExistingObjectReplication><Status>Enabled</Status></ExistingObjectReplication>' +
    '<Destination><Bucket>arn:aws:s3:::target</Bucket><Account>111111111111</Account><StorageClass>STANDARD_IA</StorageClass><AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation><EncryptionConfiguration><ReplicaKmsKeyID>key</ReplicaKmsKeyID></EncryptionConfiguration><ReplicationTime><Status>Enabled</Status><Time><Minutes>15</Minutes></Time></ReplicationTime><Metrics><Status>Enabled</Status><EventThreshold><Minutes>15</Minutes></EventThreshold></Metrics></Destination>' +
    MARKERS,
);

test.each([
  ['the newer form', rules(V2)],
  ['the older form', rules(V1)],
  ['everything', FULL],
  ['two rules', rules(V2, V2.replace('<ID>a', '<ID>b').replace('>1<', '>2<'))],
])('%s comes back as it was sent', (_what, xml) => {
  const again = xmlDocument('ReplicationConfiguration', replicationNodes(decode(xml)));
  expect(again.split('\n')[1]!.replaceAll('<Filter></Filter>', '<Filter/>')).toBe(xml);
});

const SCHEMA =
  'for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.';
const REFUSED: [what: string, xml: string, code: string, message?: string][] = [
  ['no rule', rules(), 'MalformedXML'],
  ['no role', rules(V2).replace('<Role>role</Role>', ''), 'MalformedXML'],
  ['no destination', rules(V2.replace(DESTINATION, '')), 'MalformedXML'],
  ['no status', rules(V2.replace(ON, '')), 'MalformedXML'],
  ['another status', rules(V2.replace('Enabled', 'On')), 'MalformedXML'],
  ['an unknown element', rules(`${V2}<Color>red</Color>`), 'MalformedXML'],
  ['prefix and filter', rules(`${V2}<Prefix>p</Prefix>`), 'MalformedXML'],
  ['neither', rules(V1.replace('<Prefix>p</Prefix>', '')), 'MalformedXML'],
  ['two filters in one', rules(V2.replace('<Filter/>', '<Filter><Prefix>a</Prefix><And/></Filter>')), 'MalformedXML'],
  ['a priority that is none', rules(V2.replace('>1<', '>x<')), 'MalformedXML'],
  ['an unknown class', rules(V2.replace('</Bucket>', '</Bucket><StorageClass>COLD</StorageClass>')), 'MalformedXML'],
  [
    'no priority',
    rules(V2.replace('<Priority>1</Priority>', '')),
    'InvalidRequest',
    `Priority must be specified ${SCHEMA}`,
  ],
  [
    'no word of delete markers',
    rules(V2.replace(MARKERS, '')),
    'InvalidRequest',
    `DeleteMarkerReplication must be specified ${SCHEMA}`,
  ],
  [
    'delete markers in the older form',
    rules(V1 + MARKERS),
    'InvalidRequest',
    `DeleteMarkerReplication cannot be used ${SCHEMA}`,
  ],
  [
    'a priority in the older form',
    rules(`${V1}<Priority>1</Priority>`),
    'InvalidRequest',
    `Priority cannot be used ${SCHEMA}`,
  ],
  [
    'delete markers by tags',
    rules(
      V2.replace('<Filter/>', '<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>').replace(
        'Disabled',
        'Enabled',
      ),
    ),
    'InvalidRequest',
    'Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer Guide for more information.',
  ],
  ['an ARN that is none', rules(V2.replace('arn:aws:s3:::target', 'target')), 'InvalidArgument', 'Invalid bucket ARN.'],
  ['an account that is none', rules(V2.replace('</Bucket>', '</Bucket><Account>1</Account>')), 'InvalidArgument'],
  [
    'an owner without an account',
    rules(
      V2.replace(
        '</Bucket>',
        '</Bucket><AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>',
      ),
    ),
    'InvalidRequest',
  ],
  [
    'SSE-KMS without a key',
    rules(
      `${V2}<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria>`,
    ),
    'InvalidRequest',
    'ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.',
  ],
  [
    'a key without SSE-KMS',
    rules(
      V2.replace(
        '</Bucket>',
        '</Bucket><EncryptionConfiguration><ReplicaKmsKeyID>k</ReplicaKmsKeyID></EncryptionConfiguration>',
      ),
    ),
    'InvalidRequest',
  ],
  ['one id twice', rules(V2, V2.replace('>1<', '>2<')), 'InvalidArgument'],
  ['one priority twice', rules(V2, V2.replace('<ID>a', '<ID>b')), 'InvalidRequest'],
  ['both forms', rules(V2, V1.replace('<ID>a', '<ID>b')), 'InvalidRequest'],
  ['overlapping prefixes', rules(V1, V1.replace('<ID>a', '<ID>b').replace('>p<', '>pq<')), 'InvalidRequest'],
  ['an id that is too long', rules(V2.replace('<ID>a', `<ID>${'a'.repeat(256)}`)), 'InvalidArgument'],
  ['a prefix that is too long', rules(V1.replace('>p<', `>${'p'.repeat(1025)}<`)), 'InvalidRequest'],
  [
    'more rules than there may be',
    rules(...Array.from({ length: 1001 }, (_, i) => V2.replace('<ID>a', `<ID>${i}`).replace('>1<', `>${i}<`))),
    'InvalidRequest',
  ],
];

describe('what is refused', () => {
  test.each(REFUSED)('%s', (_what, xml, code, message) => {
    let refused: unknown;
    try {
      decode(xml);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(S3Error);
    expect((refused as S3Error).code).toBe(code);
    if (message !== undefined) expect((refused as S3Error).message).toBe(message);
  });
});
