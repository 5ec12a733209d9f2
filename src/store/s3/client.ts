import { S3Client } from '@aws-sdk/client-s3';
import type { S3Place } from './place.js';

/** Requests at once. */
const SOCKETS = 64;
const CONNECT_MS = 3000;
/** Of a connection over which nothing comes or goes. */
const IDLE_MS = 10_000;
const ATTEMPTS = 4;

export async function s3ClientOf(place: S3Place): Promise<S3Client> {
  const { endpoint, region, credentialsFile, profile } = place;
  const agent = { keepAlive: true, maxSockets: SOCKETS };
  const client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint }),
    // Servers without a name for every bucket are the rule, and AWS takes it.
    forcePathStyle: true,
    maxAttempts: ATTEMPTS,
    // Put objects have a CRC32C that is computed here; what comes back authenticates itself.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: IDLE_MS,
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...((credentialsFile ?? profile) !== undefined && {
      credentials: await fileCredentials(credentialsFile, profile),
    }),
  });
  // The CRC32C among the signed headers stands for the payload: its SHA-256 would cost as much as its encryption.
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> };
      request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'unsignedPayload' },
  );
  return client;
}

async function fileCredentials(filepath: string | undefined, profile: string | undefined) {
  const { fromIni } = await import('@aws-sdk/credential-provider-ini');
  return fromIni({ ...(filepath !== undefined && { filepath }), ...(profile !== undefined && { profile }) });
}
