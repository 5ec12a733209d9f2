import { ConfigError } from '../../base/config-error.js';
import type { OpenBlobEngine } from '../engines.js';
import type { StoreUnavailable } from '../errors.js';
import { RunObjectStore } from '../run-objects/blob-store.js';
import { deadlineMsOf } from '../run-objects/driver.js';
import { checkMarker, formatMarker, MARKER_NAME } from '../run-objects/marker.js';
import type { S3Driver } from './driver.js';
import { nameOf, parseS3Place, type S3Place } from './place.js';

const MARKER_MAX_BYTES = 4096;

/** Blobs in a bucket: the SDK is loaded where it is used. */
export const openS3Blobs: OpenBlobEngine = async (url, { graceMs, storeId }) => {
  const place = parseS3Place(url);
  const [{ S3Driver }, { s3ClientOf }] = await Promise.all([import('./driver.js'), import('./client.js')]);
  const driver = new S3Driver(await s3ClientOf(place), place, deadlineMsOf(graceMs));
  try {
    await claim(driver, place, storeId);
  } catch (error) {
    await driver.close();
    throw explained(error as Error, place);
  }
  return new RunObjectStore(driver, graceMs);
};

/** A place is one store's: its marker is put before anything else is. */
async function claim(driver: S3Driver, place: S3Place, storeId: string): Promise<void> {
  // First of all: without the right to list, a missing object looks like a forbidden one.
  const [any] = await first(driver.names('', 1));
  let marker = await driver.getNamed(MARKER_NAME, 0, MARKER_MAX_BYTES);
  if (!marker) {
    if (any !== undefined) {
      throw new ConfigError(
        `${nameOf(place)} holds other objects ("${any}"): give blobs a bucket or a prefix of their own.`,
      );
    }
    await driver.putNamed(MARKER_NAME, [formatMarker(storeId)]);
    marker = await driver.getNamed(MARKER_NAME, 0, MARKER_MAX_BYTES);
  }
  checkMarker(marker ?? Buffer.alloc(0), storeId, nameOf(place));
}

async function first<T>(from: AsyncIterable<T>): Promise<T[]> {
  for await (const one of from) return [one];
  return [];
}

/** What a person has to change, as a setting's fault; whatever may pass by itself stays as it is. */
function explained(error: Error, place: S3Place): Error {
  const { name = '', message = '' } = ((error as StoreUnavailable).cause ?? {}) as Error;
  if (error instanceof ConfigError) return error;
  const say = (what: string) => new ConfigError(`Blobs can't be kept in ${nameOf(place)}: ${what}`, { cause: error });
  if (name === 'NoSuchBucket') return say('there is no such bucket.');
  if (/^(InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|InvalidToken|ExpiredToken)$/.test(name)) {
    return say(
      `the credentials are refused (${name}): s3:ListBucket, GetObject, PutObject and DeleteObject are needed.`,
    );
  }
  if (/^(CredentialsProviderError|TokenProviderError)$/.test(name))
    return say(`no credentials were found (${message}).`);
  if (name === 'PermanentRedirect' || name === 'AuthorizationHeaderMalformed') return say('it is in another region.');
  return error;
}
