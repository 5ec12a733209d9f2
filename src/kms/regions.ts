import { under } from '../store/keys.js';
import type { MetaStore } from '../store/ports.js';
import { validation } from './errors.js';
import { ALL_KEYS } from './key-record.js';
import type { Keys } from './keys.js';
import { HOME, type Place } from './place.js';

/** The regions whose keys lie in one store. */
export class Regions {
  readonly #byPlace = new Map<Place, Keys>();

  /** `home`: COFFER_REGION. `served`: whose requests are answered, `home` among them. */
  constructor(
    readonly home: string,
    readonly served: ReadonlySet<string>,
  ) {}

  add(keys: Keys): void {
    this.#byPlace.set(keys.ring.place, keys);
  }

  get all(): readonly Keys[] {
    return [...this.#byPlace.values()];
  }

  at(place: Place): Keys | undefined {
    return this.#byPlace.get(place);
  }

  placeOf(region: string): Place {
    return region === this.home ? HOME : region;
  }

  /** Undefined where the region isn't served. */
  of(region: string): Keys | undefined {
    return this.served.has(region) ? this.at(this.placeOf(region)) : undefined;
  }
}

/** @throws ValidationException */
export function requireServed(keys: Keys, region: string): Keys {
  const there = region === keys.region ? keys : keys.parts.regions?.of(region);
  if (there) return there;
  throw validation(`Region ${region} is not one of the regions that this Coffer serves.`);
}

/** Places besides COFFER_REGION that have keys, whether or not they are served: their keys rotate and end all the same. */
export async function storedPlaces(meta: MetaStore): Promise<Place[]> {
  const places: Place[] = [];
  const { lt } = under(ALL_KEYS);
  // Accounts begin with a digit.
  for (let gte = after('9'); ; ) {
    const [row] = await meta.range({ gte, lt, limit: 1, keysOnly: true });
    if (!row) return places;
    const place = row.key.toString('latin1', ALL_KEYS.length).split('/')[0]!;
    places.push(place);
    gte = after(`${place}/\xff`);
  }
}

const after = (text: string): Buffer => Buffer.concat([ALL_KEYS, Buffer.from(text, 'latin1'), Buffer.of(0xff)]);
