import { randomUUID } from 'node:crypto';
import { HsmError } from '../cloudhsm/errors.js';
import type { Officers, OfficersCall } from '../cloudhsm/officers.js';
import { CommandError } from './errors.js';
import type { DataContext } from './ports.js';

/** Runs for the caller's account; offline for the one that is named, or the only one. @throws CommandError */
export async function officersOf<T>(
  { data, caller, request }: DataContext,
  { account: named, cluster: clusterId }: { account: string | undefined; cluster: string },
  run: (officers: Officers, call: OfficersCall) => Promise<T>,
): Promise<T> {
  const { officers, accountIds } = data;
  if (!officers) throw new CommandError('NoHsms', 'COFFER_HSM_FILE is not set: there are no clusters', 400);
  const accountId = caller?.accountId ?? named ?? (accountIds.length === 1 ? accountIds[0] : undefined);
  if (accountId === undefined) throw new CommandError('NoAccount', 'there are several accounts: name one', 400);
  try {
    return await run(officers, {
      ...{ accountId, clusterId, requestId: request?.id ?? randomUUID() },
      ...(caller && { caller }),
      ...(request && { requestContext: request.conditions }),
    });
  } catch (error) {
    throw error instanceof HsmError ? new CommandError(error.code, error.message, 400) : error;
  }
}
