import { serve } from './serve.js';

if (process.argv.length > 2) {
  process.stderr.write(
    `coffer: unexpected argument ${process.argv[2]}: settings are COFFER_… environment variables; commands are run by \`npx coffer\`\n`,
  );
  process.exitCode = 2;
} else {
  await serve();
}
