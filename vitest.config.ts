import { defineConfig } from 'vitest/config';

const HANGS_MS = 900_000;
// What is waited for comes when it comes: polling gives up with the test.
const expect = { poll: { timeout: HANGS_MS, interval: 20 } };
const MOCKED = 'test/**/*.mocked.test.ts';

export default defineConfig({
  test: {
    // By default one core is left free: tests wait for servers and disks for most of their time.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/long/**', MOCKED],
          // Loading modules anew for every file would be a quarter of all time. Who replaces something of the process puts it back.
          isolate: false,
          // Ends what hangs. It measures nothing: a machine that is ten times slower, or busy, is no failure.
          testTimeout: HANGS_MS,
          hookTimeout: HANGS_MS,
          expect,
        },
      },
      {
        // Replacing a module works only in a process that hasn't loaded it.
        test: {
          name: 'mocked',
          include: [MOCKED],
          isolate: true,
          expect,
          testTimeout: HANGS_MS,
          hookTimeout: HANGS_MS,
        },
      },
      {
        // The integration suite once more, against two gateways over one PostgreSQL. Left out is what looks into a data directory, or
        // is about one process.
        test: {
          name: 'cluster',
          include: ['test/integration/**/*.test.ts'],
          exclude: [
            'at-rest',
            'damage',
            'ending',
            'key-impact',
            'locked-out',
            'read-only',
            'read-only-kms',
            'root-token',
            'start-up',
          ].map((name) => `test/integration/${name}.test.ts`),
          globalSetup: 'test/support/cluster-setup.ts',
          env: { COFFER_TEST_PROFILE: 'cluster' },
          isolate: false,
          testTimeout: HANGS_MS,
          hookTimeout: HANGS_MS,
          expect,
        },
      },
      {
        test: {
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          testTimeout: 900_000,
          hookTimeout: HANGS_MS,
          // These start servers, kill them and fill disks: side by side they would measure each other.
          fileParallelism: false,
        },
      },
    ],
  },
});
