/** The last moment that a date of JavaScript can name. */
const DATE_MAX_MS = 8.64e15;

/**
 * When `days` from a moment are over: S3 counts them and goes on to the next midnight (UTC); with a shortened day
 * (`COFFER_DAY_SECONDS`), to the next multiple of it.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
 */
export function daysAfter(fromMs: number, days: number, dayMs: number): number {
  return Math.min(Math.ceil((fromMs + days * dayMs) / dayMs) * dayMs, DATE_MAX_MS);
}
