import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import { canonicalHash, canonicalRequest, sha256Hex } from '../auth/canonical.js';
import { formatAmzDate } from '../auth/date.js';
import { scopeText } from '../auth/scope.js';
import { sign, signingKey } from '../auth/signing-key.js';
import type { Secret } from '../base/secret.js';
import { CommandError } from './errors.js';
import type { Ending, Message } from './message.js';

/** Whom a command is sent to, and as whom. */
export interface AdminServer {
  /** `https://host:port`. */
  url: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: Secret;
  /** Trusted certificates, PEM; absent: Node's own. */
  ca?: string[];
}

const ANSWER_MAX_BYTES = 1024 * 1024;
/** A command that says nothing for so long is given up; the server sends progress while it works. */
const IDLE_MS = 10 * 60_000;

/** A command run by a server. @throws CommandError where the server refuses it, isn't there, or doesn't speak to the end */
export async function* askServer(
  server: AdminServer,
  { noun, verb }: { noun: string; verb: string },
  args: Record<string, unknown>,
): AsyncGenerator<Message | Ending> {
  const response = await send(server, `/-/admin/${noun}/${verb}`, JSON.stringify(args)).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError('NoServer', `${server.url} can't be asked: ${code ?? message}`);
  });
  if (response.statusCode !== 200) throw await refusal(response, server.url);
  let ended = false;
  try {
    for await (const text of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
      const message = JSON.parse(text) as Message | Ending;
      ended = message.type === 'end' || message.type === 'error';
      yield message;
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw new CommandError('NoServer', `${server.url} doesn't answer as Coffer does`);
    throw cutOff();
  } finally {
    response.destroy();
  }
  if (!ended) throw cutOff();
}

const cutOff = (): CommandError =>
  new CommandError('CutOff', 'the server ended the connection before the command had ended');

async function send(server: AdminServer, path: string, body: string): Promise<IncomingMessage> {
  const url = new URL(path, server.url);
  const headers = signed(server, url, body);
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers, ...(server.ca && { ca: server.ca }), agent: false } as const;
    const request =
      url.protocol === 'https:' ? httpsRequest(url, options, resolve) : httpRequest(url, options, resolve);
    request.setTimeout(IDLE_MS, () => request.destroy(new Error('it says nothing')));
    request.on('error', reject);
    request.end(body);
  });
}

/** Signature V4 as for S3: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function signed({ region, accessKeyId, secretAccessKey }: AdminServer, url: URL, body: string): Record<string, string> {
  const date = formatAmzDate(Date.now());
  const hash = sha256Hex(body);
  const headers = { host: url.host, 'x-amz-content-sha256': hash, 'x-amz-date': date };
  const names = Object.keys(headers);
  const scope = { date: date.slice(0, 8), region, service: 's3' };
  const request = { method: 'POST', rawPath: url.pathname, rawQuery: '', headers };
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scopeText(scope)}\n${canonicalHash(canonicalRequest(request, names, hash))}`;
  const signature = sign(signingKey(accessKeyId, secretAccessKey, scope), toSign);
  const credential = `${accessKeyId}/${scopeText(scope)}`;
  return {
    ...headers,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

async function refusal(response: IncomingMessage, url: string): Promise<CommandError> {
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.length > ANSWER_MAX_BYTES) break;
  }
  try {
    const { code, message } = JSON.parse(text) as { code: unknown; message: unknown };
    if (typeof code === 'string' && typeof message === 'string') {
      return new CommandError(code, `the server refuses: ${message} (${code})`);
    }
  } catch {
    // Something else listens there.
  }
  return new CommandError('NoServer', `${url} answers ${response.statusCode}, and not as Coffer does`);
}
