import type { AuditTrail } from '../kms/audit/trail.js';
import { CommandError } from './errors.js';
import type { AdminData } from './ports.js';

/** @throws CommandError where another KMS keeps the log */
export function requireAudit({ audit }: AdminData): AuditTrail {
  if (audit) return audit;
  throw new CommandError('NoAuditLog', 'This Coffer uses a remote KMS: its audit log is kept there.', 400);
}
