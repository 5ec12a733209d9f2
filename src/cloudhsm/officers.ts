import { invalid, notFound } from './errors.js';
import { type Asking, codeOf, HsmEvent, recorded } from './event.js';
import { hsmArn } from './ids.js';
import { MemberLost, type MemberProcess, MemberRefused, onceIn } from './member/process.js';
import type { HsmParts } from './ports.js';
import type { ClusterRecord, HsmRecord, InitialPins } from './records.js';

const TIMEOUT_MS = 30_000;

/** A cluster, and who sets passwords in it: the command of a server, or of who holds the data. */
export interface OfficersCall extends Asking {
  accountId: string;
  clusterId: string;
}

interface User {
  name: string;
  userPin: string;
  soPin: string;
}

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
  activate(call: OfficersCall, soPin: string): Promise<number> {
    return this.#inTurn('ActivateCluster', call, async (cluster, event) => {
      const { clusterId } = cluster;
      if (cluster.state !== 'INITIALIZED' && cluster.state !== 'ACTIVE') {
        throw invalid(`The cluster ${clusterId} is ${cluster.state}: initialize it first.`);
      }
      const members = activeOf(cluster);
      if (members.length === 0) throw invalid(`The cluster ${clusterId} has no active HSM.`);
      const without = members.filter(({ initial }) => initial?.soPin !== undefined);
      if (without.length === 0) throw invalid(`The cluster ${clusterId} is activated already.`);
      const settled = members.find(({ initial }) => initial?.soPin === undefined);
      if (settled) await this.#in(settled, (member) => member.ask('checkOfficer', { soPin }));
      await this.#each(without, event, {
        set: async (member, { initial }) => {
          try {
            await member.ask('setOfficer', { soPin: initial!.soPin!, newPin: soPin });
          } catch (error) {
            // It was set, and the process ended before it was noted.
            if (!isWrongPin(error)) throw error;
            await member.ask('checkOfficer', { soPin });
          }
        },
        note: (found, done, all) => ({
          ...found,
          ...(all && { state: 'ACTIVE' }),
          hsms: found.hsms.map((one) => (done.has(one.hsmId) ? replaced(one, 'soPin') : one)),
        }),
        cluster,
      });
      return without.length;
    });
  }

  /** The crypto user of all members that have none. @throws HsmError */
  createUser(call: OfficersCall, { name, userPin, soPin }: User): Promise<number> {
    return this.#inTurn('CreateUser', call, async (cluster, event) => {
      const { clusterId } = cluster;
      event.note({ details: { UserName: name } });
      requireActive(cluster);
      if (cluster.userName !== undefined && cluster.userName !== name) {
        throw invalid(`The cluster ${clusterId} has the crypto user ${cluster.userName}: a PKCS#11 token has one.`);
      }
      const without = activeOf(cluster).filter(({ initial }) => initial?.userPin !== undefined);
      if (without.length === 0) throw invalid(`The crypto user ${name} of the cluster ${clusterId} exists already.`);
      await this.#each(without, event, {
        set: (member) => member.ask('setUser', { soPin, userPin }),
        note: (found, done, all) => ({
          ...found,
          ...(all && { userName: name }),
          hsms: found.hsms.map((one) => (done.has(one.hsmId) ? replaced(one, 'userPin') : one)),
        }),
        cluster,
      });
      return without.length;
    });
  }

  /** In all members, by the officer. Keys stay. @throws HsmError */
  changeUserPassword(call: OfficersCall, { name, userPin, soPin }: User): Promise<number> {
    return this.#inTurn('ChangeUserPassword', call, async (cluster, event) => {
      event.note({ details: { UserName: name } });
      requireActive(cluster);
      if (cluster.userName !== name) throw notFound(`The cluster ${cluster.clusterId} has no crypto user ${name}.`);
      const members = activeOf(cluster);
      for (const hsm of members) await this.#in(hsm, (member) => member.ask('setUser', { soPin, userPin }));
      return members.length;
    });
  }

  /**
   * Sets it in one member after the other, and writes what is done in one commit with the command's record: also where a member failed,
   * and the command has to be repeated.
   */
  async #each(members: readonly HsmRecord[], event: HsmEvent, { cluster, set, note }: Setting): Promise<void> {
    const done = new Set<string>();
    let failure: unknown;
    try {
      for (const hsm of members) {
        await this.#in(hsm, (member) => set(member, hsm));
        done.add(hsm.hsmId);
      }
    } catch (error) {
      failure = error;
    }
    if (done.size > 0) {
      const all = done.size === members.length;
      const committing = event.committing(all ? 'Success' : codeOf(failure));
      const { accountId, clusterId } = cluster;
      await this.parts.book.changeCluster(accountId, clusterId, (found) => note(found, done, all), committing);
    }
    if (failure !== undefined) throw failure;
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

  /** One thing at a time in a cluster, and one record of it. */
  #inTurn<T>(
    action: string,
    { accountId, clusterId, ...asking }: OfficersCall,
    work: (cluster: ClusterRecord, event: HsmEvent) => Promise<T>,
  ): Promise<T> {
    const event = new HsmEvent(action, asking, this.parts);
    event.note({ resourceArn: hsmArn(this.parts.region, accountId, clusterId) });
    return this.parts.turns.take(clusterId, () =>
      recorded(event, async () => {
        const cluster = await this.parts.book.cluster(accountId, clusterId);
        if (!cluster) throw notFound(`Cluster ${clusterId} does not exist.`);
        return work(cluster, event);
      }),
    );
  }
}

interface Setting {
  cluster: ClusterRecord;
  set(member: MemberProcess, hsm: HsmRecord): Promise<void>;
  /** `all`: no member is left without. */
  note(found: ClusterRecord, done: ReadonlySet<string>, all: boolean): ClusterRecord;
}

/** The customer's own has taken its place. */
function replaced(hsm: HsmRecord, pin: keyof InitialPins): HsmRecord {
  const { initial: { [pin]: _, ...left } = {}, ...rest } = hsm;
  return Object.keys(left).length === 0 ? rest : { ...rest, initial: left };
}

const activeOf = ({ hsms }: ClusterRecord): HsmRecord[] => hsms.filter(({ state }) => state === 'ACTIVE');
const isWrongPin = (error: unknown): boolean => error instanceof MemberRefused && error.code === 'CKR_PIN_INCORRECT';

function requireActive({ state, clusterId }: ClusterRecord): void {
  if (state !== 'ACTIVE') throw invalid(`The cluster ${clusterId} is ${state}: activate it first.`);
}
