import { createHash } from 'node:crypto';
import type { RenameToken } from '../store/records.js';
import type { CommitBuilder, Stored } from '../store/table.js';
import { S3Error } from './error.js';
import type { OperationContext, RequestFields } from './operation.js';

/** A RenameObject's client token: the same request again succeeds without doing anything, another one with it is refused. */
export class RenameRequest {
  readonly #digest: Buffer | undefined;
  readonly #parameters: string;
  #old: Stored<RenameToken> | undefined;

  constructor(
    private readonly context: OperationContext,
    token: string | undefined,
  ) {
    const { caller, facts, fields } = context;
    const { bucketId } = facts.bucket.record;
    this.#digest = token === undefined ? undefined : hash([bucketId, caller.accountId, caller.arn, token]);
    this.#parameters = hash([fields.key, ...parametersOf(fields)]).toString('hex');
  }

  /** @throws IdempotencyParameterMismatch */
  async wasDone(): Promise<boolean> {
    if (!this.#digest) return false;
    const { clock, renameTokens } = this.context.services;
    this.#old = await renameTokens.find(this.#digest);
    if (!this.#old || this.#old.record.untilMs <= clock.now()) return false;
    if (this.#old.record.parameters !== this.#parameters) throw new S3Error('IdempotencyParameterMismatch');
    return true;
  }

  remember(commit: CommitBuilder): void {
    const { clock, renameTokens } = this.context.services;
    if (this.#digest) renameTokens.remember(commit, this.#digest, this.#old, this.#parameters, clock.now());
  }
}

const NAMES = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

function parametersOf({ headers }: RequestFields): string[] {
  const names = ['x-amz-rename-source', ...NAMES, ...NAMES.map((name) => `x-amz-rename-source-${name}`)];
  return names.map((name) => headers[name] ?? '');
}

const hash = (parts: readonly string[]): Buffer => createHash('sha256').update(JSON.stringify(parts)).digest();
