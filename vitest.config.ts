import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // Each file gets a process of its own: native modules, signals and file descriptors are tested for real.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    allowOnly: false,
    coverage: {
      provider: 'v8',
      include: ['shared/**', 'hardware/**', 'kiosk/**', 'gateway/**'],
      reportsDirectory: 'coverage',
    },
  },
});
