import { invalid, notFound } from './errors.js';
import { MemberLost, MemberRefused, onceIn } from './member/process.js';
import type { HsmParts } from './ports.js';
import type { ClusterRecord, HsmRecord, InitialPins } from './records.js';

const TIMEOUT_MS = 30_000;

/**
 * What AWS leaves to its own client program: the crypto officer's password, and the crypto user's. Passwords go to the tokens, and
 * nowhere else. The officer is the token's SO, the user its normal user: PKCS#11 knows one of each a token.
 */
export class Officers {
  constructor(private readonly parts: HsmParts) {}

  /**
   * Members that have no officer yet get this one; where some have one, it has to be the same. May be repeated after a crash, and has to
   * be for a member of a slot that joined later. @throws HsmError
   */
  activate(accountId: string, clusterId: string, soPin: string): Promise<number> {
    return this.#inTurn(accountId, clusterId, async (cluster) => {
      if (cluster.state !== 'INITIALIZED' && cluster.state !== 'ACTIVE') {
        throw invalid(`The cluster ${clusterId} is ${cluster.state}: initialize it first.`);
      }
      const members = activeOf(cluster);
      if (members.length === 0) throw invalid(`The cluster ${clusterId} has no active HSM.`);
      const without = members.filter(({ initial }) => initial?.soPin !== undefined);
      if (without.length === 0) throw invalid(`The cluster ${clusterId} is activated already.`);
      const settled = members.find(({ initial }) => initial?.soPin === undefined);
      if (settled) await this.#in(settled, (member) => member.ask('checkOfficer', { soPin }));
      for (const hsm of without) {
        await this.#in(hsm, async (member) => {
          try {
            await member.ask('setOfficer', { soPin: hsm.initial!.soPin!, newPin: soPin });
          } catch (error) {
            // It was set, and the process ended before it was noted.
            if (!isWrongPin(error)) throw error;
            await member.ask('checkOfficer', { soPin });
          }
        });
        await this.#note(cluster, hsm.hsmId, ({ userPin }) => (userPin === undefined ? undefined : { userPin }));
      }
      await this.parts.book.changeCluster(accountId, clusterId, (found) => ({ ...found, state: 'ACTIVE' }));
      return without.length;
    });
  }

  /** The crypto user of all members that have none. @throws HsmError */
  createUser(accountId: string, clusterId: string, user: { name: string; userPin: string; soPin: string }) {
    return this.#inTurn(accountId, clusterId, async (cluster) => {
      const { name, userPin, soPin } = user;
      requireActive(cluster);
      if (cluster.userName !== undefined && cluster.userName !== name) {
        throw invalid(`The cluster ${clusterId} has the crypto user ${cluster.userName}: a PKCS#11 token has one.`);
      }
      const without = activeOf(cluster).filter(({ initial }) => initial?.userPin !== undefined);
      if (without.length === 0) throw invalid(`The crypto user ${name} of the cluster ${clusterId} exists already.`);
      for (const hsm of without) {
        await this.#in(hsm, (member) => member.ask('setUser', { soPin, userPin }));
        await this.#note(cluster, hsm.hsmId, ({ soPin: left }) => (left === undefined ? undefined : { soPin: left }));
      }
      await this.parts.book.changeCluster(accountId, clusterId, (found) => ({ ...found, userName: name }));
      return without.length;
    });
  }

  /** In all members, by the officer. Keys stay. @throws HsmError */
  changeUserPassword(accountId: string, clusterId: string, user: { name: string; userPin: string; soPin: string }) {
    return this.#inTurn(accountId, clusterId, async (cluster) => {
      const { name, userPin, soPin } = user;
      requireActive(cluster);
      if (cluster.userName !== name) throw notFound(`The cluster ${clusterId} has no crypto user ${name}.`);
      const members = activeOf(cluster);
      for (const hsm of members) await this.#in(hsm, (member) => member.ask('setUser', { soPin, userPin }));
      return members.length;
    });
  }

  async #in(hsm: HsmRecord, work: Parameters<typeof onceIn<void>>[2]): Promise<void> {
    try {
      await onceIn(this.parts.places.of(hsm), TIMEOUT_MS, work);
    } catch (error) {
      if (isWrongPin(error)) throw invalid('The password of the crypto officer is wrong.');
      if (error instanceof MemberRefused && error.code === 'CKR_PIN_LOCKED') {
        throw invalid(`The crypto officer of ${hsm.hsmId} is locked out.`);
      }
      if (error instanceof MemberRefused && error.code.startsWith('CKR_PIN_')) {
        throw invalid(`The token does not take this password (${error.code}).`);
      }
      if (error instanceof MemberRefused || error instanceof MemberLost) {
        throw invalid(`The member ${hsm.hsmId} did not do it: ${error.message}. Repeat the command when it is back.`);
      }
      throw error;
    }
  }

  async #note(
    { accountId, clusterId }: ClusterRecord,
    hsmId: string,
    left: (initial: InitialPins) => InitialPins | undefined,
  ): Promise<void> {
    await this.parts.book.changeCluster(accountId, clusterId, (found) => ({
      ...found,
      hsms: found.hsms.map((one) => {
        if (one.hsmId !== hsmId) return one;
        const { initial = {}, ...rest } = one;
        const still = left(initial);
        return still ? { ...rest, initial: still } : rest;
      }),
    }));
  }

  #inTurn<T>(accountId: string, clusterId: string, work: (cluster: ClusterRecord) => Promise<T>): Promise<T> {
    return this.parts.turns.take(clusterId, async () => {
      const cluster = await this.parts.book.cluster(accountId, clusterId);
      if (!cluster) throw notFound(`Cluster ${clusterId} does not exist.`);
      return work(cluster);
    });
  }
}

const activeOf = ({ hsms }: ClusterRecord): HsmRecord[] => hsms.filter(({ state }) => state === 'ACTIVE');
const isWrongPin = (error: unknown): boolean => error instanceof MemberRefused && error.code === 'CKR_PIN_INCORRECT';

function requireActive({ state, clusterId }: ClusterRecord): void {
  if (state !== 'ACTIVE') throw invalid(`The cluster ${clusterId} is ${state}: activate it first.`);
}
