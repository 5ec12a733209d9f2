/** An S3 server that the client process speaks to. */
export interface Endpoint {
  host: string;
  port: number;
  /** TLS without a look at the certificate: it is one's own machine that is measured. */
  tls: boolean;
  credentials: Credentials;
  region: string;
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

/** As `--against` takes it: `http://127.0.0.1:9001`. @throws Error */
export function endpointOf(url: string, credentials: Credentials, region: string): Endpoint {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error(`${url} is no http or https address`);
  const tls = protocol === 'https:';
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (tls ? 443 : 80)), tls, credentials, region };
}

/** As it stands in the Host header. */
export const authorityOf = ({ host, port }: Endpoint): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
