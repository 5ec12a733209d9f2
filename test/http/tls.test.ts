import { spawnSync } from 'node:child_process';
import { get } from 'node:https';
import { expect, test } from 'vitest';
import { serve } from './harness.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('openssl is absent: self-signed certificates are not tested');

test.skipIf(!hasOpenssl)('serves HTTPS with a certificate of its own making, for localhost', async () => {
  const http = await serve({ COFFER_TLS: 'self-signed' });
  try {
    expect(http.url).toMatch(/^https:/);
    const answer = await new Promise<{ status: number | undefined; names: string | undefined }>((resolve, reject) => {
      const asked = get(`${http.url}/-/health`, { rejectUnauthorized: false, agent: false }, (response) => {
        const { subjectaltname } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
        response.resume().on('end', () => resolve({ status: response.statusCode, names: subjectaltname }));
      });
      asked.on('error', reject);
    });
    expect(answer).toMatchObject({ status: 200, names: expect.stringContaining('DNS:localhost') });
  } finally {
    await http.close();
  }
});
