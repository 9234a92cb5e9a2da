import { defineConfig } from 'vitest/config'

// Node itself loads the tests: the same errors as in production, and 1 ms a file instead of 180.
const native = { viteModuleRunner: false, nodeLoader: false }

// Handed to the tests as a value: the product, which they start, refuses CHIMERA_ names of no
// schema.
const provide = { sample: process.env['CHIMERA_TEST_FULL'] === '1' ? 'full' : 'ci' } as const
delete process.env['CHIMERA_TEST_FULL']

const served = (name: string, testTimeout: number) => ({
  test: {
    name,
    include: [`tests/${name}/**/*.test.ts`],
    exclude: ['**/fixtures/**'],
    experimental: native,
    provide,
    globalSetup: ['./tests/servers.ts'],
    fileParallelism: false,
    maxConcurrency: 2,
    isolate: false,
    testTimeout,
    hookTimeout: 60_000,
  },
})

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [
            '**/node_modules/**',
            '.chimera/**',
            '**/fixtures/**',
            'tests/{conformance,integration,e2e,faults,security}/**',
          ],
          experimental: native,
          provide,
          isolate: false,
        },
      },
      served('conformance', 30_000),
      served('integration', 60_000),
      served('e2e', 180_000),
      served('faults', 600_000),
      served('security', 60_000),
    ],
  },
})
