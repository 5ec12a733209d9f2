import { S3Error } from '../error.js';
import { objectArn, operation } from '../operation.js';

/** S3 ended BitTorrent in 2022 and refuses the method since then. */
export const getObjectTorrent = operation({
  name: 'GetObjectTorrent',
  route: { method: 'GET', on: 'object', query: ['torrent'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket, key }) => [{ action: 's3:GetObjectTorrent', resource: objectArn(bucket, key) }],
  errors: ['MethodNotAllowed'],
  async handle(): Promise<never> {
    throw new S3Error('MethodNotAllowed', { extra: { Method: 'GET', ResourceType: 'TORRENT' } });
  },
  reply: () => ({}),
});
