/**
 * Where a key is, in its rows: `''` is COFFER_REGION, whose rows stand where they stood before one Coffer served several regions;
 * any other place is the region's name. Accounts begin with a digit and regions with a letter, so neither is taken for the other.
 */
export type Place = string;

export const HOME: Place = '';

/** The account as it stands in row keys. */
export const accountAt = (place: Place, accountId: string): string =>
  place === HOME ? accountId : `${place}/${accountId}`;

export const placeOf = ({ region }: { region?: string }): Place => region ?? HOME;
