import type { BackingKey, KeyRecord, MultiRegion } from './key-record.js';
import { HOME, type Place, placeOf } from './place.js';

/**
 * What the regions of a key share, from its primary to a replica: where it is, its rotation, and which backing keys it has. Material
 * that Coffer made comes along as it is wrapped (a wrap is bound to account, key and material, which are the same); what was
 * imported is imported in each region by itself. Answers `to` itself where nothing changes.
 * https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
 */
export function share(from: KeyRecord, to: KeyRecord): KeyRecord {
  if (sharedOf(from) === sharedOf(to)) return to;
  const { rotation: _, ...rest } = to;
  return {
    ...rest,
    multiRegion: from.multiRegion!,
    ...(from.rotation && { rotation: from.rotation }),
    backingKeys: from.backingKeys.map((one) => backingIn(to, one)),
  };
}

function backingIn({ backingKeys, origin }: KeyRecord, backing: BackingKey): BackingKey {
  const { wrapped, imported, ...shared } = backing;
  const own = backingKeys.find((one) => one.id === backing.id);
  if (own) {
    return {
      ...shared,
      ...(own.wrapped !== undefined && { wrapped: own.wrapped }),
      ...(own.imported && { imported: own.imported }),
    };
  }
  if (origin !== 'EXTERNAL') return backing;
  const { description } = imported ?? {};
  return { ...shared, imported: description === undefined ? {} : { description } };
}

/** Comparable. */
const sharedOf = ({ multiRegion, rotation, backingKeys }: KeyRecord): string =>
  JSON.stringify([
    multiRegion?.primary,
    multiRegion?.replicas,
    rotation?.periodDays,
    rotation?.nextMs,
    backingKeys.map(({ id, pending, rotation: by, rotatedMs }) => [id, pending, by, rotatedMs]),
  ]);

/** A replica in `place`, besides its policy, description and tags. */
export function replicaOf(primary: KeyRecord, place: Place, createdMs: number): KeyRecord {
  const { deletionMs: _, deletionDays: __, region: ___, ...shared } = primary;
  return {
    ...shared,
    ...(place !== HOME && { region: place }),
    createdMs,
    state: 'Enabled',
    multiRegion: withReplica(primary.multiRegion!, place),
    backingKeys: primary.backingKeys.map((one) => backingIn({ ...primary, backingKeys: [] }, one)),
  };
}

export const withReplica = ({ primary, replicas }: MultiRegion, place: Place): MultiRegion => ({
  primary,
  replicas: [...replicas, place],
});

/** The primary after a replica of it is gone. With the last one its own waiting period begins, where it waits for that. */
export function withoutReplica(primary: KeyRecord, place: Place, nowMs: number, dayMs: number): KeyRecord {
  const { deletionDays, ...rest } = primary;
  const replicas = primary.multiRegion!.replicas.filter((one) => one !== place);
  const left = { ...rest, multiRegion: { ...primary.multiRegion!, replicas } };
  if (primary.state !== 'PendingReplicaDeletion') return left;
  if (replicas.length > 0) return { ...left, deletionDays: deletionDays! };
  return { ...left, state: 'PendingDeletion', deletionMs: nowMs + deletionDays! * dayMs };
}

/** The primary becomes a replica, and the replica in `place` the primary. */
export function withPrimary({ multiRegion, ...record }: KeyRecord, place: Place): KeyRecord {
  const { replicas } = multiRegion!;
  const others = replicas.map((one) => (one === place ? placeOf(record) : one));
  return { ...record, multiRegion: { primary: place, replicas: others } };
}
