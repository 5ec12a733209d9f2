import type { Metrics } from './metrics.js';
import type { ResponseWriter, Written } from './writer.js';

const PREFIX = '/-/';

/** `-` is no bucket name: what lies below it is Coffer's own. */
export const isInternal = (rawPath: string): boolean => rawPath.startsWith(PREFIX);

export interface InternalParts {
  metrics: Metrics;
  /** Why the process can't serve just now; undefined where it can. */
  notReady(): Promise<string | undefined>;
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
        return reason === undefined ? writer.plain(200, 'ready\n') : writer.plain(503, `${reason}\n`);
      }
      case 'metrics':
        return writer.plain(200, this.parts.metrics.render(), 'text/plain; version=0.0.4; charset=utf-8');
      default:
        return writer.plain(404, 'not found\n');
    }
  }
}
