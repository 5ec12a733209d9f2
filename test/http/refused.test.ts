import { expect, test } from 'vitest';
import {
  refuseConditions,
  refuseCopySource,
  refuseEncryption,
  refuseLock,
  refuseVersionId,
} from '../../src/http/refused.js';
import { refuseUnknownNarrowing } from '../../src/s3/fields/narrowing-headers.js';
import { OPERATIONS } from '../../src/s3/registry.js';

const SSE = 'x-amz-server-side-encryption';
const refusal = (refuse: () => void): { code?: string; status?: number } => {
  try {
    refuse();
  } catch (error) {
    return error as { code: string };
  }
  return {};
};

test('of all operations, four take the headers of encryption', () => {
  for (const name of [SSE, `${SSE}-aws-kms-key-id`, `${SSE}-context`, `${SSE}-bucket-key-enabled`]) {
    const taking = OPERATIONS.filter((one) => refusal(() => refuseEncryption(one, { [name]: 'x' })).code === undefined);
    expect(taking.map((one) => one.name)).toEqual(['CopyObject', 'CreateMultipartUpload', 'PostObject', 'PutObject']);
  }
  expect(refusal(() => refuseEncryption(OPERATIONS[0]!, { [SSE]: 'x' }))).toMatchObject({ code: 'InvalidArgument' });
});

test.each([
  'x-amz-bucket-namespace',
  'x-amz-if-match-initiated-time',
  'x-amz-object-lock-event-hold',
  'x-amz-object-lock-event-hold-duration-days',
  'x-amz-object-lock-event-hold-duration-years',
  'x-amz-write-offset-bytes',
])('%s is not passed over', (name) => {
  expect(refusal(() => refuseUnknownNarrowing({ [name]: '1' }))).toMatchObject({ code: 'NotImplemented', status: 501 });
});

test('the namespace that there is may be named', () => {
  expect(refusal(() => refuseUnknownNarrowing({ 'x-amz-bucket-namespace': 'global' }))).toEqual({});
});

test('what makes a version takes no version’s id', () => {
  const query = new Map([['versionId', 'null']]);
  const refusing = OPERATIONS.filter((one) => refusal(() => refuseVersionId(one, query)).code === 'InvalidArgument');
  const names = [
    'CompleteMultipartUpload',
    'CopyObject',
    'CreateMultipartUpload',
    'PostObject',
    'PutObject',
    'RenameObject',
    'UploadPart',
    'UploadPartCopy',
  ];
  expect(refusing.map((one) => one.name)).toEqual(names);
  expect(OPERATIONS.filter((one) => 'versionId' in one.input && names.includes(one.name))).toEqual([]);
});

test.each([
  ['x-amz-object-lock-legal-hold', ['CopyObject', 'CreateMultipartUpload', 'PostObject', 'PutObject']],
  ['x-amz-object-lock-mode', ['CopyObject', 'CreateMultipartUpload', 'PostObject', 'PutObject']],
  ['x-amz-object-lock-retain-until-date', ['CopyObject', 'CreateMultipartUpload', 'PostObject', 'PutObject']],
  ['x-amz-bucket-object-lock-enabled', ['CreateBucket']],
])('%s on a change that would lock nothing is refused', (name, names) => {
  const changes = OPERATIONS.filter(({ route }) => route.method !== 'GET' && route.method !== 'HEAD');
  const taking = changes.filter((one) => refusal(() => refuseLock(one, { [name]: 'ON' })).code === undefined);
  expect(taking.map((one) => one.name)).toEqual(names);
});

test('of a copy’s source only copies are told anything', () => {
  for (const name of ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'range']) {
    const headers = { [`x-amz-copy-source-${name}`]: 'x' };
    const taking = OPERATIONS.filter((one) => refusal(() => refuseCopySource(one, headers)).code === undefined);
    expect(taking.map((one) => one.name)).toEqual(['CopyObject', 'UploadPartCopy']);
  }
});

test.each([
  ['if-match', ['CompleteMultipartUpload', 'CopyObject', 'DeleteObject', 'PostObject', 'PutObject', 'RenameObject']],
  ['if-none-match', ['CompleteMultipartUpload', 'CopyObject', 'PostObject', 'PutObject', 'RenameObject']],
  ['if-modified-since', ['RenameObject']],
  ['if-unmodified-since', ['RenameObject']],
  ['x-amz-if-match-size', ['DeleteObject']],
  ['x-amz-if-match-last-modified-time', ['DeleteObject']],
  ['x-amz-rename-source-if-match', ['RenameObject']],
  ['x-amz-rename-source-if-unmodified-since', ['RenameObject']],
])('%s on a change that would not look at it is refused', (name, names) => {
  const changes = OPERATIONS.filter(({ route }) => route.method !== 'GET' && route.method !== 'HEAD');
  const taking = changes.filter((one) => refusal(() => refuseConditions(one, { [name]: '*' })).code === undefined);
  expect(taking.map((one) => one.name)).toEqual(names);
  for (const one of OPERATIONS.filter((one) => !changes.includes(one))) refuseConditions(one, { [name]: '*' });
});
