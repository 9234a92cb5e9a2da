import { defineConfig } from 'vitest/config'

// Node itself loads the tests: the same errors as in production, and 1 ms a file instead of 180.
const native = { viteModuleRunner: false, nodeLoader: false }

// Handed to the tests as a value: the product, which they start, refuses CHIMERA_ names of no
// schema.
const provide = { sample: process.env['CHIMERA_TEST_FULL'] === '1' ? 'full' : 'ci' } as const
delete process.env['CHIMERA_TEST_FULL']

// What has to be done within a time is not tried beside another stack.
const DEADLINES = [
  'tests/faults/{dead-worker,redis-lost}.test.ts',
  'tests/faults/stop/**/*.test.ts',
  'tests/faults/storm/storm.test.ts',
]

// Servers and processes of their own: these touch neither the shared Redis nor its streams.
const PROCESSES = ['tests/integration/{tool,stack}-*.test.ts']

const served = (
  name: string,
  testTimeout: number,
  of: { include?: string[]; exclude?: string[]; besideEachOther?: boolean } = {},
) => ({
  test: {
    name,
    include: of.include ?? [`tests/${name}/**/*.test.ts`],
    exclude: ['**/fixtures/**', ...(of.exclude ?? [])],
    experimental: native,
    provide,
    globalSetup: ['./tests/servers.ts'],
    // Stacks of their own mostly wait: two at a time take little more than half as long.
    fileParallelism: of.besideEachOther ?? false,
    maxWorkers: 2,
    maxConcurrency: 3,
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
      served('integration', 60_000, { exclude: PROCESSES }),
      served('processes', 60_000, { include: PROCESSES, besideEachOther: true }),
      served('e2e', 180_000),
      served('deadlines', 600_000, { include: DEADLINES }),
      served('faults', 600_000, { exclude: DEADLINES, besideEachOther: true }),
      served('security', 60_000),
    ],
  },
})
