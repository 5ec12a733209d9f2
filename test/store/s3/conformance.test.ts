import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll } from 'vitest';
import { openS3Blobs } from '../../../src/store/s3/open.js';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer, type TestServer } from '../../support/server.js';
import { blobStoreConformance } from '../conformance/blob-store.js';

let server: TestServer;
let dir: string;

beforeAll(async () => {
  server = await startServer();
  await server.s3().send(new CreateBucketCommand({ Bucket: 'blobs' }));
  dir = await mkdtemp(join(tmpdir(), 'coffer-s3-blobs-'));
  await writeFile(
    join(dir, 'credentials'),
    `[default]\naws_access_key_id = ${ACCESS_KEY_ID}\naws_secret_access_key = ${SECRET_ACCESS_KEY}\n`,
  );
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

// The server is another Coffer, on LevelDB.
blobStoreConformance('in a bucket of an S3 server', async () => {
  const url = `s3://blobs?endpoint=${server.url}&prefix=${randomUUID()}&credentials=${join(dir, 'credentials')}`;
  const options = { onTrouble: () => {}, graceMs: 900_000, password: undefined, storeId: randomUUID() };
  const store = await openS3Blobs(url, options);
  return { store, close: () => store.close() };
});
