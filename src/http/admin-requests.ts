import type { Logger } from 'pino';
import { checkArguments, hasSecrets } from '../admin/arguments.js';
import type { DataCommand } from '../admin/command.js';
import { CommandError, UsageError } from '../admin/errors.js';
import { withEnding } from '../admin/message.js';
import type { AdminData } from '../admin/ports.js';
import { findCommand } from '../admin/registry.js';
import { authenticate } from '../auth/authenticate.js';
import { AuthError } from '../auth/error.js';
import type { Caller, CredentialSource } from '../auth/ports.js';
import type { ClientBudget } from '../base/client-budget.js';
import type { Clock } from '../base/clock.js';
import { ADMIN_BODY_MAX_BYTES } from '../base/limits.js';
import type { BodySource } from '../base/stream.js';
import { S3Error } from '../s3/error.js';
import { type Exchange, requestContextOf } from './exchange.js';
import { withSmallBody } from './small-body.js';
import type { Written } from './writer.js';

const PREFIX = '/-/admin/';

export const isAdmin = (rawPath: string): boolean => rawPath.startsWith(PREFIX);

export interface AdminParts {
  data: AdminData;
  credentials: CredentialSource;
  clock: Clock;
  region: string;
  log: Logger;
  /** Of bodies. */
  budget: ClientBudget;
}

/**
 * `POST /-/admin/<noun>/<verb>` with a JSON object of arguments, signed as a request to S3 by the root of an account, body included.
 * Answers one JSON message a line as the command runs (application/x-ndjson), the last of type `end` or `error`; what fails
 * before the first is `{code, message}` with a status of its own.
 */
export class AdminRequests {
  constructor(private readonly parts: AdminParts) {}

  async serve(exchange: Exchange): Promise<Written> {
    const { entry, writer, signed } = exchange;
    entry.operation = 'Admin';
    try {
      const { caller, body } = this.#authenticate(exchange);
      entry.caller = caller.arn || 'anonymous';
      if (caller.kind !== 'root')
        throw new CommandError('AccessDenied', 'Only the root of an account may do this.', 403);
      if (signed.method !== 'POST') throw new CommandError('MethodNotAllowed', 'Commands are sent by POST.', 405);
      const command = this.#command(signed.rawPath);
      entry.operation = `Admin.${command.noun}.${command.verb}`;
      if (hasSecrets(command) && !exchange.peer.secure && !exchange.peer.loopback) {
        throw new CommandError('InsecureTransport', 'A password is taken over HTTPS or from this machine alone.', 403);
      }
      const { data, clock, budget } = this.parts;
      const args = checkArguments(
        command,
        await withSmallBody(body(), ADMIN_BODY_MAX_BYTES, budget, ({ bytes }) => jsonOf(bytes)),
      );
      const request = { id: exchange.id, conditions: requestContextOf(exchange, clock) };
      const messages = command.run(args as never, { data, caller, request });
      return await writer.lines(withEnding(await begun(messages), (error) => this.#explain(exchange, error)));
    } catch (error) {
      if (writer.begun) throw error;
      const { code, message, status } = this.#explain(exchange, error);
      entry.error = code;
      return writer.json(status, { code, message });
    }
  }

  /** By header, with the hash of the body among what is signed. `body`: the verified one. */
  #authenticate({ signed, body }: Exchange): { caller: Caller; body: () => BodySource } {
    const { credentials, clock, region } = this.parts;
    const authenticated = authenticate(signed, { credentials, clock, region, service: 's3' });
    const { type } = authenticated.signature;
    if (type !== 'REST-HEADER' && type !== 'anonymous') {
      throw new CommandError('AccessDenied', 'Commands are signed in the Authorization header.', 403);
    }
    if (type === 'REST-HEADER' && !/^[0-9a-f]{64}$/.test(String(signed.headers['x-amz-content-sha256']))) {
      throw new CommandError('InvalidRequest', 'The body of a command is signed: x-amz-content-sha256 is its SHA-256.');
    }
    return { caller: authenticated.caller, body: () => authenticated.wrapBody(body) };
  }

  // biome-ignore lint/suspicious/noExplicitAny: each command has its own arguments
  #command(rawPath: string): DataCommand<any> {
    const [noun = '', verb = '', ...rest] = rawPath.slice(PREFIX.length).split('/');
    const command = rest.length === 0 ? findCommand(noun, verb) : undefined;
    if (!command) throw new CommandError('NoSuchCommand', 'There is no such command.', 404);
    if (command.where === 'offline' || command.where === 'engines') {
      throw new CommandError('OfflineOnly', `${noun} ${verb} needs the data for itself: stop the server first.`, 409);
    }
    return command;
  }

  #explain({ id }: Exchange, error: unknown): { code: string; message: string; status: number } {
    if (error instanceof UsageError) return { code: 'InvalidArgument', message: error.message, status: 400 };
    if (error instanceof CommandError || error instanceof AuthError) return error;
    // Of the body's transport: too large, ended early, stalled.
    if (error instanceof S3Error && error.status < 500) return error;
    this.parts.log.error({ id, err: error }, 'command failed');
    return {
      code: 'InternalError',
      message: 'The command failed for an internal reason; the log says more.',
      status: 500,
    };
  }
}

/** A body of nothing is no arguments. */
function jsonOf(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {};
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new UsageError('the body is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UsageError('the body is not a JSON object');
  return json as Record<string, unknown>;
}

/** The same messages, with the first one waited for: what fails until then can still be answered with a status. */
async function begun<T>(messages: AsyncIterable<T>): Promise<AsyncGenerator<T>> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      for (let step = first; !step.done; step = await iterator.next()) yield step.value;
    } finally {
      await iterator.return?.();
    }
  })();
}
