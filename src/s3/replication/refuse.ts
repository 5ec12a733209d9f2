import { S3Error } from '../error.js';
import type { OperationContext } from '../operation.js';
import { isRefused, type Subject } from './match.js';
import { REPLICATION } from './rules.js';

/** `COFFER_SSE_C_ON_REPLICATED_BUCKET=reject`: what could never be replicated isn't taken. @throws InvalidRequest */
export async function requireReplicable({ facts, services }: OperationContext, subject: Subject): Promise<void> {
  if (subject.mode !== 'SSE-C' || services.settings.sseCOnReplicatedBucket === 'store') return;
  const bucket = facts.bucket.record;
  const replication = bucket.versioning === 'Enabled' && (await services.configs.read(bucket, REPLICATION));
  if (!replication || !isRefused(replication, subject)) return;
  throw new S3Error('InvalidRequest', {
    message:
      'A replication rule of this bucket applies to the object, and objects under a customer-provided key (SSE-C) cannot be replicated. Use SSE-S3 or SSE-KMS.',
  });
}
