import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';

/** Where the connection of a request is cut. */
export type Cut =
  | 'before it is sent'
  | 'in the middle of it'
  /** The server has it and goes on; whoever asked hears no more. */
  | 'when it is sent'
  | 'before the answer'
  | 'in the middle of the answer';

/**
 * A TCP proxy in front of a server that cuts the connection of one request, which it knows by bytes in it, that stands still, or
 * that lets nobody in.
 */
export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut: { marker: Buffer; at: Cut } | undefined;
  #answers = new WeakMap<Socket, Cut>();
  /** What was held back of a request: sent to the server by `deliver`. */
  #held: (() => Promise<unknown>)[] = [];
  #hold: Buffer | undefined;
  #still = false;
  /** Nobody is let in. */
  closed = false;
  /** Cuts that were made. */
  cuts = 0;

  private constructor(private readonly target: number) {
    this.#server = createServer((client) => this.#connect(client));
  }

  /** On a free port of this machine. `target`: the server's. */
  static async start(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The connection of the next request with these bytes in it. */
  cutNext(marker: string, at: Cut): void {
    this.#cut = { marker: Buffer.from(marker, 'latin1'), at };
  }

  /** The next request with these bytes isn't handed on, and its client is cut off: the network has it. */
  holdNext(marker: string): void {
    this.#hold = Buffer.from(marker, 'latin1');
  }

  /** What was held arrives after all. Resolves when the server has answered. */
  async deliver(): Promise<void> {
    await Promise.all(this.#held.splice(0).map((go) => go()));
  }

  /** Nothing is handed on in either direction, and no connection ends. */
  stall(): void {
    this.#still = true;
    for (const socket of this.#sockets) socket.pause();
  }

  goOn(): void {
    this.#still = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connect(client: Socket): void {
    if (this.closed) {
      client.destroy();
      return;
    }
    const server = dial(this.target, '127.0.0.1');
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      if (this.#still) socket.pause();
    }
    client.on('data', (bytes: Buffer) => this.#fromClient(bytes, client, server));
    server.on('data', (bytes: Buffer) => this.#fromServer(bytes, client, server));
    server.on('end', () => client.end());
    server.on('close', () => client.destroy());
    client.on('end', () => server.end());
  }

  #fromClient(bytes: Buffer, client: Socket, server: Socket): void {
    if (this.#hold && bytes.includes(this.#hold)) {
      this.#hold = undefined;
      this.#held.push(() => {
        const answered = once(server, 'data');
        server.write(bytes);
        return answered;
      });
      client.destroy();
      return;
    }
    if (!this.#cut || !bytes.includes(this.#cut.marker)) {
      server.write(bytes);
      return;
    }
    const { at } = this.#cut;
    this.#cut = undefined;
    this.cuts++;
    switch (at) {
      case 'before it is sent':
        client.destroy();
        server.destroy();
        break;
      case 'in the middle of it':
        server.end(bytes.subarray(0, bytes.length >> 1));
        client.destroy();
        break;
      case 'when it is sent':
        server.write(bytes);
        client.destroy();
        break;
      default:
        this.#answers.set(server, at);
        server.write(bytes);
    }
  }

  #fromServer(bytes: Buffer, client: Socket, server: Socket): void {
    const at = this.#answers.get(server);
    if (at === undefined) {
      client.write(bytes);
      return;
    }
    if (at === 'in the middle of the answer')
      client.write(bytes.subarray(0, bytes.length >> 1), () => client.destroy());
    else client.destroy();
    server.destroy();
  }
}
