import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What becomes of bytes in one direction of a connection. */
type Fate = 'pass' | 'swallow' | { cutAfterBytes: number };

/** Stands between a client and a server, and cuts, holds or swallows what goes through. */
export class TcpProxy {
  /** Of connections from now on, and of those that are open. */
  up: Fate = 'pass';
  down: Fate = 'pass';
  /** So many cuts and no more: afterwards everything passes. */
  cuts = Number.POSITIVE_INFINITY;
  /** That were made. */
  connections = 0;
  readonly #open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(targetPort: () => number): Promise<TcpProxy> {
    const server = createServer((client) => proxy.#relay(client, targetPort()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server, (server.address() as AddressInfo).port);
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.cutAll();
    this.server.close();
    await once(this.server, 'close');
  }

  cutAll(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  #relay(client: Socket, port: number): void {
    this.connections++;
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) {
      this.#open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#open.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    this.#forward(client, server, () => this.up);
    this.#forward(server, client, () => this.down);
  }

  #forward(from: Socket, to: Socket, fate: () => Fate): void {
    let seen = 0;
    from.on('data', (chunk) => {
      const now = fate();
      if (now === 'swallow') return;
      if (now !== 'pass' && this.cuts > 0) {
        const left = now.cutAfterBytes - seen;
        seen += chunk.length;
        if (chunk.length > left) {
          this.cuts--;
          to.write(chunk.subarray(0, Math.max(0, left)), () => {
            from.resetAndDestroy();
            to.resetAndDestroy();
          });
          return;
        }
      }
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => to.end());
  }
}
