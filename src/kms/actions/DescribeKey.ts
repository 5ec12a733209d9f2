import { keyAction } from '../action.js';
import { metadata } from '../metadata.js';

export const describeKey = keyAction({
  name: 'DescribeKey',
  input: (input) => input.grantTokens(),
  needs: () => ({}),
  states: 'any',
  otherAccounts: true,
  byAlias: true,
  handle: async (_, record, { keys }) => ({ KeyMetadata: await metadata(record, keys) }),
});
