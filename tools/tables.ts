import { SETTINGS } from '../src/config.js';
import { ACTIONS } from '../src/kms/registry.js';
import { OPERATIONS } from '../src/s3/registry.js';
import { BESIDE_THE_MODEL, OLDER_NAMES, S3_OPERATIONS } from './s3-operations.js';

/** The README's table of settings. */
export function settingsTable(): string {
  const rows = SETTINGS.map(({ name, default: byDefault, meaning }) => `| \`${name}\` | ${byDefault} | ${meaning} |`);
  return ['| name | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** The README's table of what works and what is answered 501. */
export function compatibilityTable(): string {
  const names = OPERATIONS.map((one) => one.name).sort();
  const works = S3_OPERATIONS.filter((name) => names.includes(OLDER_NAMES[name] ?? name));
  const besides = names.filter((name) => BESIDE_THE_MODEL.includes(name));
  const lacks = S3_OPERATIONS.filter((name) => !works.includes(name));
  return [
    '| API | works | answers 501 NotImplemented, or UnsupportedOperationException |',
    '|---|---|---|',
    `| S3 | ${works.join(', ')} | ${lacks.join(', ')} |`,
    `| S3, besides the API model | ${besides.join(', ')} | |`,
    `| KMS | ${[...ACTIONS.keys()].sort().join(', ')} | all other actions of the API model |`,
    '| STS | GetCallerIdentity | |',
  ].join('\n');
}
