/** About so long an answer waits for others, in milliseconds: none is late because many others have much to do. */
const WAIT_MAX_MS = 2;

let waiting: (() => void)[] = [];
let firstMs = 0;

/**
 * Sends an answer at the end of this turn of the event loop, together with the others that become ready in it. With 32 clients
 * of the key service this made each request a third cheaper, and the wait shorter on average: a write wakes the client, and what
 * runs next seems to find its caches cold.
 * `send` must not throw.
 */
export function leaveTogether(send: () => void): void {
  const nowMs = performance.now();
  if (waiting.push(send) === 1) {
    firstMs = nowMs;
    setImmediate(leave);
  } else if (nowMs - firstMs >= WAIT_MAX_MS) leave();
}

function leave(): void {
  const leaving = waiting;
  waiting = [];
  for (const send of leaving) send();
}
