import { TEST_WORKERS } from '@chimera/cli/commands/test/test-servers'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Node itself loads the tests: the same errors as in production, and 1 ms a file instead of 180.
const native = { viteModuleRunner: false, nodeLoader: false }

// Handed to the tests as a value: the product, which they start, refuses CHIMERA_ names of no
// schema.
const sample = process.env['CHIMERA_TEST_FULL'] === '1' ? 'full' : 'ci'
delete process.env['CHIMERA_TEST_FULL']

// A third of the time of these goes into starting processes without a guard.
const controls = process.env['CHIMERA_TEST_CONTROLS'] === 'later' ? 'later' : 'now'
delete process.env['CHIMERA_TEST_CONTROLS']
const STARTS_PROCESSES = new Set(['processes', 'deadlines', 'faults', 'security', 'weaviate'])
const providedTo = (project: string) =>
  ({ sample, controls: STARTS_PROCESSES.has(project) ? controls : 'now' }) as const

// What has to be done within a time is not tried beside another stack.
const DEADLINES = [
  'tests/faults/worker-back.test.ts',
  'tests/faults/stop/stop.test.ts',
  'tests/faults/storm/storm.test.ts',
]

// Servers and processes of their own: these need neither the shared PostgreSQL nor a Redis.
const PROCESSES = [
  'tests/integration/{tool,stack}-*.test.ts',
  'tests/integration/wallet/*.test.ts',
  'tests/launcher/launcher.test.ts',
  'tests/tidy/side-effects.test.ts',
  'tests/reporter.test.ts',
  'runtime/run-process.test.ts',
  'infra/stack/processes/supervised-process.test.ts',
]

// Small files that take long: vitest knows nothing but sizes when it runs for the first time, and
// whoever begins last leaves the other workers without anything to do.
const LONGEST = [
  'bad-days.test.ts',
  'storm-accounts.test.ts',
  'harmed-servers.test.ts',
  'judge-traces.test.ts',
  'official-suite.test.ts',
  'outside-clients.test.ts',
  'crash-points.test.ts',
  'both-rolled-back.test.ts',
  'persons-words.test.ts',
  'x-misbehaves.test.ts',
  'reworded.test.ts',
  'reworded-crashes.test.ts',
  'clock-stack.test.ts',
  'disk-full.test.ts',
  'two-of-each.test.ts',
  'redis-lost.test.ts',
  'stack-up.test.ts',
  'stack-held.test.ts',
  'tool-bridges.test.ts',
  'keeper-doorbells.test.ts',
  'keeper-rest.test.ts',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(name))
      return at === -1 ? LONGEST.length : at
    }
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array
    const bySize = await super.sort(files)
    return bySize.toSorted((left, right) => rank(left) - rank(right))
  }
}

const served = (
  name: string,
  testTimeout: number,
  of: {
    include?: string[]
    exclude?: string[]
    workers?: number
    memories?: ('postgres' | 'weaviate')[]
    setup?: string[]
  } = {},
) => ({
  test: {
    name,
    include: of.include ?? [`tests/${name}/**/*.test.ts`],
    exclude: ['**/fixtures/**', '**/node_modules/**', ...(of.exclude ?? [])],
    experimental: native,
    provide: { ...providedTo(name), memories: of.memories ?? ['postgres'] },
    globalSetup: ['./tests/servers.ts', ...(of.setup ?? [])],
    // What mostly waits is tried beside each other.
    maxWorkers: of.workers ?? 1,
    maxConcurrency: 3,
    isolate: false,
    testTimeout,
    hookTimeout: 60_000,
  },
})

const unit = {
  test: {
    name: 'unit',
    include: ['**/*.test.ts'],
    exclude: [
      '**/node_modules/**',
      '.chimera/**',
      '**/fixtures/**',
      'tests/{conformance,integration,e2e,faults,security,weaviate}/**',
      ...PROCESSES,
    ],
    experimental: native,
    provide: providedTo('unit'),
    isolate: false,
    // Reads of the whole tree took 5 s and more where a machine was shared four ways.
    testTimeout: 30_000,
  },
}

const PROJECTS = [
  unit,
  served('conformance', 30_000, { workers: TEST_WORKERS }),
  served('integration', 60_000, { exclude: PROCESSES, workers: TEST_WORKERS }),
  served('processes', 60_000, { include: PROCESSES, workers: TEST_WORKERS }),
  served('e2e', 180_000),
  served('deadlines', 600_000, { include: DEADLINES }),
  served('faults', 600_000, { exclude: DEADLINES, workers: TEST_WORKERS }),
  served('security', 60_000, { workers: TEST_WORKERS }),
  served('weaviate', 60_000, {
    include: ['tests/conformance/memory*.test.ts', 'tests/weaviate/*.test.ts'],
    memories: ['weaviate'],
    workers: TEST_WORKERS,
    setup: ['./tests/weaviate/weaviate-server.ts'],
  }),
]

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // One project after the other, as in `./chimera test`.
    projects: PROJECTS.map(({ test }, groupOrder) => ({
      test: { ...test, sequence: { groupOrder } },
    })),
  },
})
