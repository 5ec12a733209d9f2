import type { Secret } from '../base/secret.js';

import type { KmsCallerContext } from '../encryption/ports.js';
import type { ClusterFacts, Clusters, KeyHolder } from '../kms/key-stores/ports.js';
import { hasPkcs11js } from '../pkcs11/pkcs11.js';
import type { Answer } from './action.js';
import { type CallParts, HsmCall } from './call.js';
import { HsmError, serialization, serviceError } from './errors.js';
import { recorded } from './event.js';
import { Fields } from './fields.js';
import { type MemberCounts, membersOf, TokenKeys } from './holder.js';
import { Officers } from './officers.js';
import type { HsmParts } from './ports.js';
import { certificatesRow } from './records.js';
import { HSM_ACTIONS } from './registry.js';
import { Steward } from './steward.js';

export const HSM_TARGET = 'BaldrApiService.';

/** What is served where `COFFER_HSM_FILE` isn't set. */
export const NO_HSM_FILE = 'This Coffer has no HSMs: COFFER_HSM_FILE says what members of clusters are made of.';
const NO_PKCS11JS = 'This Coffer has no HSMs: its optional dependency pkcs11js is not installed.';

export interface HsmAnswer {
  status: number;
  json: Record<string, unknown>;
}

/** CloudHSM: its API over the wire by `dispatch`, clusters as the key service's custom key stores ask for them. */
export class CloudHsm implements Clusters {
  readonly steward: Steward;
  readonly officers: Officers;
  readonly #call: CallParts;
  /** Connected, by cluster. */
  readonly #holders = new Map<string, TokenKeys>();
  #losses = 0;

  constructor(private readonly parts: HsmParts) {
    this.steward = new Steward(parts);
    this.officers = new Officers(parts);
    this.#call = {
      ...parts,
      steward: this.steward,
      troubleOf: (clusterId, hsmId) => this.#holders.get(clusterId)?.troubleOf(hsmId),
    };
  }

  /**
   * One request. `target`: the X-Amz-Target header of the AWS JSON 1.1 protocol, or what another protocol says in its place.
   * `members`: of the body; undefined where it isn't an object.
   */
  async dispatch(
    target: string,
    members: Record<string, unknown> | undefined,
    who: KmsCallerContext,
  ): Promise<HsmAnswer> {
    return answerOf(async () => {
      const action = HSM_ACTIONS.get(target.slice(HSM_TARGET.length));
      if (!action) throw new HsmError('UnknownOperationException', '');
      const call = new HsmCall(action.name, who, this.#call);
      return recorded(call.event, async () => {
        if (!hasPkcs11js()) throw serviceError(NO_PKCS11JS);
        if (!members) throw serialization('The request body is not an object.');
        const fields = new Fields(members);
        const input = action.input(fields);
        fields.requireAllRead();
        return action.run(input, call);
      });
    });
  }

  async describe(accountId: string, clusterId: string): Promise<ClusterFacts | undefined> {
    const cluster = await this.parts.book.cluster(accountId, clusterId);
    if (!cluster) return undefined;
    const certificates = await this.parts.book.certificates.get(certificatesRow(accountId, clusterId));
    const connected = this.#holders.get(clusterId);
    return {
      state: cluster.state,
      trustAnchor: certificates?.record.trustAnchor,
      activeMembers: connected ? connected.counts.serving : membersOf(cluster).length,
      allowSingleMember: this.parts.file.allowSingleMember,
    };
  }

  holder(accountId: string, clusterId: string, keyStorePassword: Secret): KeyHolder {
    return new TokenKeys(this.parts, accountId, clusterId, keyStorePassword, (holder, connected) => {
      if (connected) this.#holders.set(clusterId, holder);
      else if (this.#holders.get(clusterId) === holder) {
        this.#losses += holder.counts.losses;
        this.#holders.delete(clusterId);
      }
    });
  }

  /** Of members of clusters whose key stores are connected. */
  counts(): MemberCounts {
    const sum = { serving: 0, lost: 0, losses: this.#losses };
    for (const { counts } of this.#holders.values()) {
      sum.serving += counts.serving;
      sum.lost += counts.lost;
      sum.losses += counts.losses;
    }
    return sum;
  }

  /** Ends the processes of all members. */
  async close(): Promise<void> {
    await Promise.all([...this.#holders.values()].map((holder) => holder.disconnect()));
    await this.steward.close();
  }
}

/** Its answers where there is no such file. */
export const noHsms = (): Promise<HsmAnswer> => answerOf(() => Promise.reject(serviceError(NO_HSM_FILE)));

async function answerOf(work: () => Promise<Answer>): Promise<HsmAnswer> {
  try {
    return { status: 200, json: await work() };
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    const { code, message, statusCode } = error;
    return { status: statusCode, json: { __type: code, ...(message !== '' && { Message: message, message }) } };
  }
}
