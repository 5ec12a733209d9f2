import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Two gateways over one PostgreSQL instead of one server: `npm run test:cluster`. */
export const isCluster = process.env.COFFER_TEST_PROFILE === 'cluster';

/** Of the database that the whole run shares (`cluster-setup.ts`): a schema for each folder, so that a second start finds it again. */
export function clusterEnvironment(dir: string): Record<string, string> {
  if (!isCluster) return {};
  const url = process.env.COFFER_TEST_META;
  if (!url) throw new Error('COFFER_TEST_META is not set: run it as npm run test:cluster');
  const schema = `t${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`;
  return { COFFER_META: `${url}?schema=${schema}&pool=4` };
}

/** A port at which every connection goes to one of these, at random. */
export class EitherGateway {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async over(ports: readonly number[]): Promise<EitherGateway> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const either = new EitherGateway(server, (server.address() as { port: number }).port);
    server.on('connection', (client) => {
      const port = ports[Math.floor(Math.random() * ports.length)]!;
      const gateway = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      either.#join(client, gateway);
      either.#join(gateway, client);
    });
    return either;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** What comes, its end, and its being cut off. */
  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    from.on('close', (failed) => {
      this.#sockets.delete(from);
      if (!failed && !from.readableEnded) to.destroy();
    });
  }
}
