/** A process that answers every request with an empty 200: what node:http alone can do. Tells its parent its port. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((_request, response) => response.end());
server.listen(0, '127.0.0.1', () => process.send!({ result: (server.address() as AddressInfo).port }));
process.once('disconnect', () => process.exit(0));
