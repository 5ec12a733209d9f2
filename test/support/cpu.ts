/** Processor time of `work`, in ms: what else the machine does is not in it. At least one, so that ratios of little are no noise. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, (user + system) / 1000);
}

/** A yardstick that is as slow as the machine: plain integer work, about 100 ms where V8 is warm. */
export function yardstickMs(): number {
  return cpuMs(() => {
    let x = 1;
    for (let i = 0; i < 60_000_000; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
    }
    if (x === 0) throw new Error('an xorshift never comes to 0');
  });
}
