import { partitionOf } from '../base/partition.js';
import type { KmsCallerContext } from '../encryption/ports.js';
import { decide } from '../policy/decide.js';
import { parseKeyPolicy } from '../policy/parse.js';
import type { Decision, PolicyDocument } from '../policy/ports.js';
import { KmsConditions, type RequestFacts } from './conditions.js';
import { managedKeyPolicy } from './default-policies.js';
import { denied } from './denial.js';
import type { KeyGrants } from './grant-book.js';
import type { GrantRecord } from './grant-record.js';
import { grantFor } from './grants.js';
import type { KeyRecord } from './key-record.js';
import { keyArn } from './key-reference.js';
import type { KeyRing } from './key-ring.js';

export type KmsAction = `kms:${string}`;

export interface Asked {
  who: KmsCallerContext;
  action: KmsAction;
  facts: RequestFacts;
  requestAlias?: string | undefined;
}

/**
 * May the caller do it with the key? Key policy, grants and identity policies together, by the one policy engine.
 * https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
 */
export class KeyAuthorizer {
  readonly #policies = new WeakMap<KeyRecord, PolicyDocument>();

  constructor(
    private readonly ring: KeyRing,
    private readonly region: string,
  ) {}

  /**
   * A promise only where it has to read what isn't in memory yet.
   * @returns the grant that allowed it, where one did. @throws KmsError AccessDeniedException
   */
  require(asked: Asked, record: KeyRecord, nowMs: number): GrantRecord | undefined | Promise<GrantRecord | undefined> {
    const around = this.ring.surroundings(record);
    if (around) return this.#decide(asked, record, around.grants, nowMs);
    return this.#requireRead(asked, record, nowMs);
  }

  async #requireRead(asked: Asked, record: KeyRecord, nowMs: number): Promise<GrantRecord | undefined> {
    const { grants } = await this.ring.readSurroundings(record);
    return this.#decide(asked, record, grants, nowMs);
  }

  /**
   * Whether it is allowed still, of a key as it is about to be written. Grants allow no change of a key.
   * @throws KmsError AccessDeniedException
   */
  requireStill(asked: Asked, record: KeyRecord, nowMs: number): void {
    this.#decide(asked, record, NO_GRANTS, nowMs);
  }

  /**
   * For what is about no key, or about one of which nothing may be told: identity policies decide. `resourceAccountId`: whose it is.
   * @throws KmsError AccessDeniedException
   */
  requireOn(asked: Asked, resource: string, nowMs: number, resourceAccountId = asked.who.caller.accountId): void {
    const { who, action, facts } = asked;
    const { caller } = who;
    const context = new KmsConditions({ who, action, facts, nowMs, region: this.region, resourceAccountId });
    const request = { principal: caller, action, resource, resourceAccountId: caller.accountId, context };
    const decision = decide(request, { identity: caller.policies });
    if (!decision.allowed) throw denied(who, action, resource, decision);
  }

  /** The key's policy, parsed. That of an AWS-managed key is the code's own. */
  policyOf(record: KeyRecord): PolicyDocument {
    let policy = this.#policies.get(record);
    if (!policy) {
      policy = parseKeyPolicy(policyText(record, this.region), partitionOf(this.region));
      this.#policies.set(record, policy);
    }
    return policy;
  }

  /** Whether a policy denies it explicitly, whoever else would allow it. */
  async isDenied(asked: Asked, record: KeyRecord, nowMs: number): Promise<boolean> {
    if (!this.ring.surroundings(record)) await this.ring.readSurroundings(record);
    const decision = this.#ask(asked, record, nowMs, () => true);
    return !decision.allowed && decision.explicit;
  }

  #decide(asked: Asked, record: KeyRecord, held: KeyGrants, nowMs: number): GrantRecord | undefined {
    const { who, action, facts } = asked;
    const { caller } = who;
    const resource = keyArn(this.region, record);
    // AWS KMS knows no anonymous callers, whatever a policy says.
    if (caller.kind === 'anonymous') {
      throw denied(who, action, resource, { allowed: false, explicit: false, by: 'no resource policy' });
    }
    let grant: GrantRecord | undefined;
    const decision = this.#ask(asked, record, nowMs, () => {
      const sourceArns = who.requestContext?.get('aws:sourcearn');
      grant = grantFor(held, caller, action, { context: facts.encryptionContext, sourceArns });
      return grant !== undefined;
    });
    if (!decision.allowed) throw denied(who, action, resource, decision);
    return grant;
  }

  #ask(
    { who, action, facts, requestAlias }: Asked,
    record: KeyRecord,
    nowMs: number,
    granted: () => boolean,
  ): Decision {
    const { accountId } = record;
    // For `kms:ResourceAliases`.
    const aliases = () => this.ring.aliasesOf(record);
    const place = { region: this.region, resourceAccountId: accountId };
    const context = new KmsConditions({ who, action, facts, nowMs, ...place, record, requestAlias, aliases });
    const resource = keyArn(this.region, record);
    return decide(
      { principal: who.caller, action, resource, resourceAccountId: accountId, context },
      { identity: who.caller.policies, resource: this.policyOf(record), accountTrusted: false, granted },
    );
  }
}

const NO_GRANTS: KeyGrants = { byId: new Map(), byGrantee: new Map() };

export const policyText = (record: KeyRecord, region: string): string =>
  record.manager === 'AWS' ? managedKeyPolicy(record.accountId, region, record.service ?? 's3') : record.policy;
