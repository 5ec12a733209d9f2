/** Work that comes round. It must bear to be cut short anywhere, and to be called late. */
export interface Job {
  /** Of its lease, and for the log: in few words. */
  name: string;
  /** `once`: by one of all gateways at a time, under a lease. */
  where: 'everywhere' | 'once';
  everyMs: number;
  /** Without waiting for the first time it is due. */
  atOnce?: true;
  /** One turn. What it commits is fenced where it runs once. */
  run(): Promise<unknown> | unknown;
  /** Its turn is over: the lease is gone, or the process ends. Ends what goes on between turns, or a turn under way early. */
  stop?(): Promise<unknown> | unknown;
}
