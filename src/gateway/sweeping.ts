import { Sweeper } from '../jobs/sweeper.js';
import type { Undertaker } from '../jobs/undertaker.js';
import type { Services } from '../s3/services.js';

/** The job's name. */
export const SWEEPER = 'sweeping';
/** Many requests ask for a pass at once; one a little later serves them all. */
const DELAY_MS = 100;

/** The sweeper, and what goes before it: blobs of gateways that are gone. */
export class Sweeping {
  readonly #sweeper: Sweeper;
  #isDue = false;

  constructor(
    services: Services,
    private readonly undertaker: Undertaker,
    /** Has the job run, where it runs here. */
    private readonly hurry: () => void,
  ) {
    const { meta, blobs, clock, manifests, uploads, objects } = services;
    this.#sweeper = new Sweeper({ meta, blobs, clock, manifests, uploads, dead: objects.dead });
  }

  /** Something became unreachable. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      this.hurry();
    }, DELAY_MS).unref();
  }

  /** What gateways that are gone had begun is dead. Before a store that nobody else has open is served, all there is. */
  recover(): Promise<void> {
    return this.undertaker.run();
  }

  /** A turn of the job. */
  run(): Promise<void> {
    return this.#sweeper.run();
  }

  stop(): Promise<void> {
    return this.#sweeper.stop();
  }
}
