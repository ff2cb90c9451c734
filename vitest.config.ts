import { defineConfig } from 'vitest/config';
import { hasModelZoo } from './tests/support/model-zoo.ts';
import { hasPynetdicom } from './tests/support/pynetdicom.ts';

const common = {
  pool: 'forks' as const,
  testTimeout: 60_000,
  hookTimeout: 120_000,
  globalSetup: ['tests/support/global-setup.ts'],
};

const BROWSER_TESTS = 'tests/interop/viewer.test.ts';

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...common,
          name: 'unit',
          include: ['tests/**/*.test.ts'],
          // Somebody else's configurations, which are not copied: where they are absent, that is said on stderr.
          exclude: ['tests/interop/**', ...(hasModelZoo ? [] : ['tests/inference/import/model-zoo.test.ts'])],
        },
      },
      {
        test: {
          ...common,
          name: 'interop',
          include: ['tests/interop/**/*.test.ts'],
          // No package of Debian 12: where it is absent, that is said on stderr.
          exclude: [BROWSER_TESTS, ...(hasPynetdicom ? [] : ['tests/interop/pynetdicom.test.ts'])],
          testTimeout: 180_000,
        },
      },
      {
        // After the others: a browser that draws in software takes both cores, and so do they.
        test: { ...common, name: 'browser', include: [BROWSER_TESTS], sequence: { groupOrder: 1 } },
      },
      { test: { ...common, name: 'conformance', include: ['conformance/**/*.test.ts'] } },
    ],
  },
});
