/** HTTP dates as clients send them (RFC 9110, section 5.6.7) and ISO 8601, which S3 takes as well. Milliseconds, or undefined. */
export function parseHttpDate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** `Tue, 24 Nov 2026 10:00:00 GMT`. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** `2026-11-24T10:00:00.000Z`, as S3's XML has it: times of writing are whole seconds there. */
export function isoDate(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== latest.second) latest = { second, text: new Date(second * 1000).toISOString() };
  return latest.text;
}

/** Neighbours in a listing were often written in one second. */
let latest = { second: Number.NaN, text: '' };

/** What was given to the millisecond comes back so. */
export function isoInstant(ms: number): string {
  return new Date(ms).toISOString();
}
