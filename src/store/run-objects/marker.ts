import { ConfigError } from '../../base/config-error.js';
import { StoreTooNew } from '../errors.js';

/** Of the object that says whose blobs lie beside it. */
export const MARKER_NAME = 'coffer';
const FORMAT = 1;

export const formatMarker = (storeId: string): Buffer =>
  Buffer.from(`${JSON.stringify({ blobsOf: storeId, format: FORMAT })}\n`);

/** `place`: for people. @throws ConfigError, StoreTooNew */
export function checkMarker(marker: Buffer, storeId: string, place: string): void {
  let said: { blobsOf?: unknown; format?: unknown };
  try {
    said = JSON.parse(marker.toString()) as typeof said;
  } catch {
    throw new ConfigError(`${place}: the object "${MARKER_NAME}" is not Coffer's.`);
  }
  if (said.format !== FORMAT) throw new StoreTooNew(`${place} was written by a newer version of Coffer.`);
  if (said.blobsOf !== storeId) {
    throw new ConfigError(
      `${place} holds the blobs of another store (${String(said.blobsOf)}); the rows are those of ${storeId}.`,
    );
  }
}
