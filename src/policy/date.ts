const EPOCH_SECONDS = /^-?\d{1,12}$/;
const ISO_8601 =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d))?)?)?)?$/;

/**
 * A moment as conditions write it: ISO 8601 as the W3C profiles it, UTC where no zone is named, or seconds since 1970.
 * @returns milliseconds since 1970, undefined if it is no date
 */
export function parseDate(text: string): number | undefined {
  const match = ISO_8601.exec(text);
  if (!match) return EPOCH_SECONDS.test(text) ? Number(text) * 1000 : undefined;
  const [year, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => (part === undefined ? undefined : Number(part)));
  const fields = new Date(0);
  fields.setUTCFullYear(year!, month - 1, day);
  // The 31st of a month of 30 days would be the first of the next.
  if (fields.getUTCMonth() !== month - 1 || fields.getUTCDate() !== day) return undefined;
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offset = (match[8] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes);
  const fraction = match[7] === undefined ? 0 : Number(match[7].padEnd(9, '0')) / 1e6;
  return fields.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction;
}
