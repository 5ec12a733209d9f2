import type { ServerResponse } from 'node:http';

/** A client that takes nothing for so long is given up, and with it the snapshot that its body holds. */
export const STALLED_MS = 120_000;

/** The client went away, or takes no more: whoever pumps stops. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

/** When the response takes more. @throws ClientGone */
export function drained(response: ServerResponse, stalledMs = STALLED_MS): Promise<void> {
  if (response.destroyed || response.closed) return Promise.reject(new ClientGone());
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      response.off('close', onClose);
    };
    const onDrain = (): void => {
      settle();
      resolve();
    };
    const onClose = (): void => {
      settle();
      reject(new ClientGone());
    };
    const timer = setTimeout(onClose, stalledMs);
    response.on('drain', onDrain);
    response.on('close', onClose);
  });
}
