import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/long/**'],
          // Loading modules anew for every file would be a quarter of all time. Who replaces something of the process puts it back.
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
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
