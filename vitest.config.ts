import { defineConfig } from 'vitest/config';

const MOCKED = 'test/**/*.mocked.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/long/**', MOCKED],
          // Loading modules anew for every file would be a quarter of all time. Who replaces something of the process puts it back.
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Replacing a module works only in a process that hasn't loaded it.
        test: { name: 'mocked', include: [MOCKED], isolate: true },
      },
      {
        test: {
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 120_000,
          // These start servers, kill them and fill disks: side by side they would measure each other.
          fileParallelism: false,
        },
      },
    ],
  },
});
