import { describe, expect, test } from 'vitest';
import { parseXml } from '../../../src/base/xml/parse.js';
import { xmlDocument } from '../../../src/base/xml/write.js';
import { S3Error } from '../../../src/s3/error.js';
import { decodeLifecycle } from '../../../src/s3/lifecycle/decode.js';
import { ruleNode } from '../../../src/s3/lifecycle/encode.js';

const decode = (rules: string) =>
  decodeLifecycle(parseXml(Buffer.from(`<LifecycleConfiguration>${rules}</LifecycleConfiguration>`)));
const rule = (inner: string, where = '<Filter/>'): string =>
  `<Rule><ID>r</ID>${where}<Status>Enabled</Status>${inner}</Rule>`;
const EXPIRES = '<Expiration><Days>7</Days></Expiration>';
const filtered = (filter: string, inner = EXPIRES): string => rule(inner, `<Filter>${filter}</Filter>`);
const tag = (key: string, value = '1'): string => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;
const moves = (days: number, storageClass: string): string =>
  `<Transition><Days>${days}</Days><StorageClass>${storageClass}</StorageClass></Transition>`;
const named = (id: string, where: string, inner = EXPIRES): string =>
  rule(inner, where).replace('<ID>r</ID>', `<ID>${id}</ID>`);

const MALFORMED = [
  'MalformedXML',
  'The XML you provided was not well-formed or did not validate against our published schema',
];
const argument = (message: string): string[] => ['InvalidArgument', message];
const request = (message: string): string[] => ['InvalidRequest', message];

/** Those with a star were recorded from AWS (test_put_bucket_lifecycle_conf_exc, or reports of its users). */
const REFUSED: [name: string, rules: string, error: string[]][] = [
  ['* neither filter nor prefix', rule(EXPIRES, ''), MALFORMED],
  ['filter and prefix', rule(EXPIRES, '<Filter/><Prefix/>'), MALFORMED],
  ['* an empty NoncurrentVersionExpiration', rule('<NoncurrentVersionExpiration/>'), MALFORMED],
  ['* And beside Prefix', filtered(`<And><Prefix>a</Prefix>${tag('k')}</And><Prefix>a</Prefix>`), MALFORMED],
  [
    '* And beside a size',
    filtered(`<And><Prefix>a</Prefix>${tag('k')}</And><ObjectSizeLessThan>9</ObjectSizeLessThan>`),
    MALFORMED,
  ],
  ['* two predicates', filtered('<Prefix>a</Prefix><ObjectSizeLessThan>9</ObjectSizeLessThan>'), MALFORMED],
  ['* And of one', filtered('<And><Prefix>a</Prefix></And>'), MALFORMED],
  [
    '* Date beside midnight',
    rule('<Expiration><Date>2026-01-01T10:00:00Z</Date></Expiration>'),
    argument("'Date' must be at midnight GMT"),
  ],
  ['* a Date of another form', rule('<Expiration><Date>Fri, 01 Jan 2016 00:00:00 GMT</Date></Expiration>'), MALFORMED],
  [
    '* one tag key twice',
    filtered(`<And>${tag('k')}${tag('k', '2')}</And>`),
    request('Duplicate Tag Keys are not allowed.'),
  ],
  [
    '* marker and days',
    rule('<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>'),
    MALFORMED,
  ],
  ['an empty Expiration', rule('<Expiration/>'), MALFORMED],
  ['days and date', rule('<Expiration><Days>1</Days><Date>2026-01-01</Date></Expiration>'), MALFORMED],
  ['* a status in lower case', rule(EXPIRES).replace('Enabled', 'enabled'), MALFORMED],
  ['no status', rule(EXPIRES).replace('<Status>Enabled</Status>', ''), MALFORMED],
  ['* no rules', '', MALFORMED],
  ['another element', '<Rules/>', MALFORMED],
  ['* no action', rule(''), request('At least one action needs to be specified in a rule')],
  [
    '* days of zero',
    rule('<Expiration><Days>0</Days></Expiration>'),
    argument("'Days' for Expiration action must be a positive integer"),
  ],
  [
    'days below zero',
    rule('<Expiration><Days>-1</Days></Expiration>'),
    argument("'Days' for Expiration action must be a positive integer"),
  ],
  ['days that are no number', rule('<Expiration><Days>x</Days></Expiration>'), MALFORMED],
  ['days beyond 32 bits', rule('<Expiration><Days>2147483648</Days></Expiration>'), MALFORMED],
  [
    '* noncurrent days of zero',
    rule('<NoncurrentVersionExpiration><NoncurrentDays>0</NoncurrentDays></NoncurrentVersionExpiration>'),
    argument("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer"),
  ],
  [
    '* newer versions without days',
    rule(
      '<NoncurrentVersionExpiration><NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration>',
    ),
    MALFORMED,
  ],
  [
    'abort after zero days',
    rule(
      '<AbortIncompleteMultipartUpload><DaysAfterInitiation>0</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
    ),
    argument("'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer"),
  ],
  [
    '* abort by tag',
    filtered(
      tag('k'),
      '<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
    ),
    request('AbortIncompleteMultipartUpload cannot be specified with Tags.'),
  ],
  [
    '* abort by size',
    filtered(
      '<ObjectSizeLessThan>9</ObjectSizeLessThan>',
      '<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
    ),
    request('AbortIncompleteMultipartUpload cannot be specified with Object Size.'),
  ],
  [
    '* markers by size',
    filtered(
      '<ObjectSizeLessThan>9</ObjectSizeLessThan>',
      '<Expiration><ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker></Expiration>',
    ),
    request('ExpiredObjectDeleteMarker cannot be specified with Object Size.'),
  ],
  [
    '* a size below',
    filtered('<ObjectSizeLessThan>0</ObjectSizeLessThan>'),
    request("'ObjectSizeLessThan' should be between 1 and 1099511627776000."),
  ],
  [
    '* sizes that leave nothing',
    filtered('<And><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And>'),
    request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."),
  ],
  [
    '* infrequent access too early',
    rule(moves(29, 'ONEZONE_IA')),
    argument("'Days' in Transition action must be greater than or equal to 30 for storageClass 'ONEZONE_IA'"),
  ],
  ['a class that is none', rule(moves(30, 'STANDARD')), MALFORMED],
  ['a transition below zero', rule(moves(-1, 'GLACIER')), argument("'Days' in Transition action must be nonnegative")],
  [
    '* one class twice',
    rule(moves(1, 'GLACIER') + moves(2, 'GLACIER')),
    request("'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=)'"),
  ],
  [
    '* days and a date',
    rule(`${moves(1, 'GLACIER')}<Expiration><Date>2026-01-01T00:00:00.000Z</Date></Expiration>`),
    request(
      "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '(prefix=)'",
    ),
  ],
  [
    '* expiration before the transition',
    rule(moves(7, 'GLACIER') + EXPIRES),
    argument(
      "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition action",
    ),
  ],
  [
    '* colder, but not later',
    filtered(
      '<And><Prefix>test/</Prefix><ObjectSizeLessThan>120120</ObjectSizeLessThan></And>',
      moves(1, 'DEEP_ARCHIVE') + moves(1, 'GLACIER'),
    ),
    argument(
      "'Days' in the Transition action for StorageClass 'DEEP_ARCHIVE' for filter '(prefix=test/ and objectsizelessthan=120120)' must be greater than 'Days' in the Transition action for StorageClass 'GLACIER' for filter '(prefix=test/ and objectsizelessthan=120120)'",
    ),
  ],
  [
    '* an id of 256',
    rule(EXPIRES).replace('>r<', `>${'r'.repeat(256)}<`),
    argument('ID length should not exceed allowed limit of 255'),
  ],
  [
    '* one id twice',
    rule(EXPIRES) + rule(EXPIRES),
    argument('Rule ID must be unique. Found same ID for more than one rule'),
  ],
  [
    '* prefix, then filter',
    named('a', '<Prefix/>') + named('b', '<Filter/>'),
    request('Filter element can only be used in Lifecycle V2.'),
  ],
  [
    '* filter, then prefix',
    named('a', '<Filter/>') + named('b', '<Prefix/>'),
    request('Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.'),
  ],
  [
    '* overlapping prefixes of the older form',
    named('a', '<Prefix>a</Prefix>') + named('b', '<Prefix/>'),
    request("Found overlapping prefixes '' and 'a' for same action type 'Expiration'"),
  ],
  [
    '* newer versions in the older form',
    rule(
      '<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration>',
      '<Prefix/>',
    ),
    request('NewerNoncurrentVersions element can only be used in Lifecycle V2.'),
  ],
  [
    'a prefix longer than a key',
    filtered(`<Prefix>${'p'.repeat(1025)}</Prefix>`),
    request('The maximum size of a prefix is 1024'),
  ],
];

describe('a configuration is refused', () => {
  test.each(REFUSED)('%s', (_name, rules, error) => {
    let refused: unknown;
    try {
      decode(rules);
    } catch (thrown) {
      refused = thrown;
    }
    expect(refused).toBeInstanceOf(S3Error);
    expect([(refused as S3Error).code, (refused as S3Error).message]).toEqual(error);
  });

  test('there were cases', () => expect(REFUSED).toHaveLength(44));

  test('with more than 1,000 rules', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => named(String(i), '<Filter/>')).join('');
    expect(decode(many(1000))).toHaveLength(1000);
    expect(() => decode(many(1001))).toThrow('The number of lifecycle rules must not exceed the allowed limit of 1000');
  });
});

const KEPT: string[] = [
  named('a', '<Prefix>a/</Prefix>') + named('b', '<Prefix>b</Prefix>'),
  named('off', '<Filter/>').replace('Enabled', 'Disabled'),
  filtered('<Prefix></Prefix>'),
  filtered(tag('k', '')),
  filtered(`<And><Prefix></Prefix>${tag('k')}</And>`),
  filtered(
    `<And><Prefix>p</Prefix>${tag('k')}${tag('l')}<ObjectSizeGreaterThan>0</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And>`,
  ),
  rule('<Expiration><Date>2020-01-01T00:00:00.000Z</Date></Expiration>'),
  rule('<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>'),
  rule(`<Expiration><Days>91</Days></Expiration>${moves(30, 'STANDARD_IA')}${moves(90, 'DEEP_ARCHIVE')}`),
  rule(
    '<NoncurrentVersionTransition><NoncurrentDays>0</NoncurrentDays><NewerNoncurrentVersions>1</NewerNoncurrentVersions><StorageClass>GLACIER</StorageClass></NoncurrentVersionTransition><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>100</NewerNoncurrentVersions></NoncurrentVersionExpiration>',
  ),
  rule('<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>'),
];

test.each(KEPT)('what is taken is given back as it was sent: %s', (rules) => {
  const back = xmlDocument('LifecycleConfiguration', decode(rules).map(ruleNode));
  expect(back).toContain(
    `<LifecycleConfiguration>${rules.replaceAll('<Filter/>', '<Filter></Filter>')}</LifecycleConfiguration>`,
  );
});

test('a date may come without its time, or with another zone', () => {
  const dates = ['2020-01-01', '2020-01-01T00:00:00', '2020-01-01T02:00:00+02:00', '2020-01-01T00:00:00Z'];
  for (const date of dates) {
    const [decoded] = decode(rule(`<Expiration><Date>${date}</Date></Expiration>`));
    expect(decoded!.expiration).toEqual({ dateMs: Date.UTC(2020, 0, 1) });
  }
  expect(dates).toHaveLength(4);
});

test('a rule without an id gets one of its own', () => {
  const ids = decode((rule(EXPIRES) + rule(EXPIRES)).replaceAll('<ID>r</ID>', '')).map(({ id }) => id);
  expect(new Set(ids).size).toBe(2);
  for (const id of ids)
    expect(Buffer.from(id, 'base64').toString()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
