import { type KmsCallerContext, KmsError } from '../../encryption/ports.js';
import { dataCommand } from '../command.js';
import { CommandError } from '../errors.js';
import { line, type Message } from '../message.js';
import type { DataContext } from '../ports.js';

export const keyImpact = dataCommand({
  noun: 'key',
  verb: 'impact',
  where: 'both',
  summary: 'counts the object versions that could not be read any more without a KMS key',
  arguments: {
    key: {
      kind: 'text',
      placeholder: 'KEY',
      summary: 'key id, key ARN, alias or alias ARN',
      required: true,
      positional: true,
    },
  },
  async *run({ key }, context): AsyncGenerator<Message> {
    const { keys } = requireKms(context);
    const record = await findKey(context, key);
    const { objects, bytes, buckets } = await keys.parts.impact!.of(record.backingKeys.map((one) => one.id));
    const arn = keys.arn(record);
    yield line(`${arn}: ${objects} object versions, ${bytes} bytes`, { keyArn: arn, objects, bytes });
    for (const one of buckets) {
      yield line(`  ${one.bucket}: ${one.objects} object versions, ${one.bytes} bytes`, { ...one });
    }
  },
});

function requireKms({ data }: DataContext) {
  if (data.kms) return data.kms;
  throw new CommandError('NoKeyService', 'This Coffer uses a remote KMS: it alone knows its keys.', 400);
}

/** Of the caller's account; offline, whose key it is follows from an ARN, else it is looked for in every account. */
async function findKey(context: DataContext, key: string) {
  const { keys } = requireKms(context);
  const accountIds = context.caller ? [context.caller.accountId] : context.data.accountIds;
  for (const accountId of accountIds) {
    const who = { caller: { accountId }, requestId: '' } as KmsCallerContext;
    try {
      const reference = keys.reference(who, key);
      if (context.caller && reference.accountId !== context.caller.accountId) break;
      return await keys.findExisting(reference);
    } catch (error) {
      if (!(error instanceof KmsError)) throw error;
      if (error.code !== 'NotFoundException') throw new CommandError(error.code, error.message, 400);
    }
  }
  throw new CommandError('NoSuchKey', `there is no KMS key ${JSON.stringify(key)}`, 404);
}
