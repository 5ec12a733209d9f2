import type { Metrics } from './metrics.js';
import type { ResponseWriter, Written } from './writer.js';

const PREFIX = '/-/';

/** `-` is no bucket name: what lies below it is Coffer's own. */
export const isInternal = (rawPath: string): boolean => rawPath.startsWith(PREFIX);

export interface InternalParts {
  metrics: Metrics;
  /** Why the process can't serve just now; undefined where it can. */
  notReady(): Promise<string | undefined>;
  /** Whether only reads and deletes are served, for want of room on the disk. */
  readOnly(): boolean;
  /** Before `readOnly` is told: a probe that comes once a minute must not hear of the minute before. */
  measureSpace(): Promise<void>;
}

/** `/-/health`, `/-/ready` and `/-/metrics`, for whoever can reach the port. */
export class InternalPages {
  constructor(private readonly parts: InternalParts) {}

  async serve(rawPath: string, method: string, writer: ResponseWriter): Promise<Written> {
    if (method !== 'GET' && method !== 'HEAD') return writer.plain(405, 'method not allowed\n');
    switch (rawPath.slice(PREFIX.length)) {
      case 'health':
        return writer.plain(200, 'ok\n');
      case 'ready': {
        const reason = await this.parts.notReady();
        if (reason !== undefined) return writer.plain(503, `${reason}\n`);
        await this.parts.measureSpace();
        // Still 200: who is taken out of service answers no reads, and gets no deletes that would make room.
        return writer.plain(200, this.parts.readOnly() ? 'ready, read-only: the disk is nearly full\n' : 'ready\n');
      }
      case 'metrics':
        await this.parts.measureSpace();
        return writer.plain(200, this.parts.metrics.render(), 'text/plain; version=0.0.4; charset=utf-8');
      default:
        return writer.plain(404, 'not found\n');
    }
  }
}
