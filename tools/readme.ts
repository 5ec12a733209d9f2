/** `npm run readme`: writes the README's tables of settings and operations anew from the code. A test holds them together. */
import { readFileSync, writeFileSync } from 'node:fs';
import { compatibilityTable, settingsTable } from './tables.js';

const path = new URL('../README.md', import.meta.url);
const TABLES: Record<string, () => string> = { settings: settingsTable, compatibility: compatibilityTable };

let text = readFileSync(path, 'utf8');
for (const [name, table] of Object.entries(TABLES)) {
  const between = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`);
  if (!between.test(text)) throw new Error(`README.md has no place for the table ${name}`);
  text = text.replace(between, (_, begin: string, end: string) => `${begin}${table()}\n${end}`);
}
writeFileSync(path, text);
