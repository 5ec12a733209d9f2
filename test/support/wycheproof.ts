import { existsSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../shared/reference/wycheproof/', import.meta.url);

/** The public vectors lie beside a checkout, not in it. Where they are absent, the tests that read them say so and are skipped by name. */
export const vectorsPresent = existsSync(FOLDER);
if (!vectorsPresent)
  console.warn(`Wycheproof vectors are absent (${FOLDER.pathname}): the tests that read them are skipped`);

// biome-ignore lint/suspicious/noExplicitAny: each file has its own shape
export function wycheproof(name: string): { numberOfTests: number; testGroups: any[] } {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'));
}
