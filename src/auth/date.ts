/** `20261124T120000Z`. */
const BASIC = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** The requests of a second all say the same. */
let last: { text: string; ms: number } | undefined;

/** Milliseconds of an X-Amz-Date, or undefined. */
export function parseAmzDate(text: string | undefined): number | undefined {
  if (text !== undefined && text === last?.text) return last.ms;
  const match = text === undefined ? null : BASIC.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(ms)) return undefined;
  last = { text: text!, ms };
  return ms;
}

/** The form of X-Amz-Date, which is what gets signed also where the client sent a `Date`. */
export function formatAmzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

export const isoSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}/, '');
