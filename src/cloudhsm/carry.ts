import { MemberLost, MemberRefused } from './member/process.js';
import type { AnswerOf, MemberCall, RequestOf } from './member/protocol.js';

/** A member that is logged in. */
export interface Carrier {
  /** Of the key pair in its token, as the cluster's row has it: SPKI. */
  publicKey: Buffer;
  ask<C extends MemberCall>(call: C, request: RequestOf<C>): Promise<AnswerOf<C>>;
  /** It is not to serve. */
  failed(error: Error): void;
}

/**
 * Makes members alike: each gets the keys that any of them has, but those that were deleted. What travels is wrapped, in the token,
 * under the public key of the token that it goes to; nothing that only one member has is ever removed as superfluous.
 * @returns by member, whether it has all keys now
 */
export async function carryAll(members: readonly Carrier[], deleted: ReadonlySet<string>): Promise<boolean[]> {
  const held = await Promise.all(
    members.map((member) =>
      attempt(member, async () => {
        const kept = new Set<string>();
        for (const reference of await member.ask('list', {})) {
          if (deleted.has(reference)) await member.ask('deleteKey', { reference });
          else kept.add(reference);
        }
        return kept;
      }),
    ),
  );
  const all = new Set(held.flatMap((one) => [...(one ?? [])]));
  const done: boolean[] = [];
  for (const [i, member] of members.entries()) {
    const own = held[i];
    done.push(own !== undefined && (await fill(member, own, all, { members, held })));
  }
  return done;
}

async function fill(
  member: Carrier,
  own: Set<string>,
  all: ReadonlySet<string>,
  from: { members: readonly Carrier[]; held: readonly (ReadonlySet<string> | undefined)[] },
): Promise<boolean> {
  for (const reference of all) {
    if (own.has(reference)) continue;
    let wrapped: AnswerOf<'wrapKey'> | undefined;
    for (const [i, source] of from.members.entries()) {
      if (wrapped || !from.held[i]?.has(reference)) continue;
      const { publicKey } = member;
      wrapped = await attempt(source, () => source.ask('wrapKey', { reference, publicKey }));
    }
    const got = wrapped;
    // Where nobody is left who has it, it comes with the member that has: that one is compared, too, when it returns.
    if (!got) continue;
    const taken = await attempt(member, async () => {
      await member.ask('unwrapKey', { reference, ...got });
      return true;
    });
    if (!taken) return false;
  }
  return true;
}

async function attempt<T>(member: Carrier, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MemberLost || error instanceof MemberRefused)) throw error;
    member.failed(error);
    return undefined;
  }
}
