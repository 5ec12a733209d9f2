import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** API models and recorded answers of AWS lie beside the repository, or where `COFFER_REFERENCE` says. */
const FOLDER = process.env.COFFER_REFERENCE ?? '../shared/reference';

/** Undefined, and said aloud, where the file is absent: what is read from it isn't tested then. */
export function referenceFile(path: string): string | undefined {
  const file = join(FOLDER, path);
  if (existsSync(file)) return file;
  console.warn(`${file} is absent: nothing is compared with it`);
  return undefined;
}
