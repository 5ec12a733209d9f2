/** Delays are injected, so that tests let them end and never sleep. */
export interface Timers {
  /** Returns what calls it off. */
  after(ms: number, run: () => void): () => void;
}

/** They don't keep the process alive. */
export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};
