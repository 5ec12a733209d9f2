/** `<access key>/<yyyymmdd>/<region>/<service>/aws4_request`. */
export interface Scope {
  date: string;
  region: string;
  service: string;
}

export interface ParsedCredential extends Scope {
  accessKeyId: string;
}

/** Undefined where it hasn't five parts. Access key ids may hold no slash here. */
export function parseCredential(text: string): (ParsedCredential & { terminator: string }) | undefined {
  const parts = text.split('/');
  if (parts.length !== 5) return undefined;
  const [accessKeyId, date, region, service, terminator] = parts as [string, string, string, string, string];
  return { accessKeyId, date, region, service, terminator };
}

export const scopeText = ({ date, region, service }: Scope): string => `${date}/${region}/${service}/aws4_request`;
