import { requireOpenFiles } from './open-files.js';

if (process.argv.length > 2) {
  const [, , word] = process.argv;
  process.stderr.write(
    `coffer: unexpected argument ${word}: settings are COFFER_… environment variables; commands are run by \`npx coffer\`\n`,
  );
  process.exitCode = 2;
} else if (requireOpenFiles()) {
  const { serve } = await import('./serve.js');
  await serve();
}
