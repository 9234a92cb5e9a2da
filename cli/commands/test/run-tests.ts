import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

import { bringWallet } from './bring-wallet.ts'
import { bringWeaviate, WEAVIATE_PROJECT } from './bring-weaviate.ts'
import { CHECKOUT, runTool } from './checkout-tools.ts'
import {
  CONTROL_NAME,
  isGreen,
  parseRecords,
  renderReport,
  sumUp,
  type TestRecord,
  type TestReport,
} from './report.ts'
import { openRunFolder } from './run-folder.ts'

/** In this order: what fails early is found early. */
export const PROJECTS = [
  'unit',
  'conformance',
  'integration',
  'processes',
  'e2e',
  'deadlines',
  'faults',
  'security',
  'weaviate',
] as const
type Project = (typeof PROJECTS)[number]

/** The one project that needs no servers. */
const SERVERLESS: Project = 'unit'

/**
 * A run that is not `--full` may take 15 minutes once set up (design.md section 9); one that takes
 * longer than this with its set-up hangs, and has to say so before CI's own limit of 30 minutes
 * cuts it off without a word. The launcher has fetched Node and packages before.
 */
const DEADLINE_MS = 26 * 60_000

/** The options of `chimera test`. */
export type TestOptions = {
  full?: boolean
  controls?: boolean
  json?: string
  only?: readonly string[]
}

type Surroundings = {
  env: Record<string, string | undefined>
  out: (line: string) => void
  err: (line: string) => void
}

/**
 * Runs the tests of the checkout, project after project, with servers of its own, prints the
 * summary and resolves with the exit code: 0 only when tests ran and none failed, 2 for an unknown
 * project.
 */
export async function runTests(
  options: TestOptions,
  { env, out, err }: Surroundings,
): Promise<number> {
  const projects = PROJECTS.filter((name) => options.only?.includes(name) ?? true)
  const unknown = options.only?.filter((name) => !PROJECTS.some((project) => project === name))
  if (unknown !== undefined && unknown.length > 0) {
    err(`There is no project ${unknown.join(', ')}; there are ${PROJECTS.join(', ')}.`)
    return 2
  }
  await using stack = new AsyncDisposableStack()
  const isTimed = options.full !== true
  const signal = interruption(stack, isTimed ? DEADLINE_MS : undefined)
  const { folder } = stack.use(await openRunFolder({ env, log: err }))
  const settingUp = { projects, isTimed, env, log: err, signal }
  // Most of the one is compiling, most of the other waiting for the network.
  const [noWeaviate] = await Promise.all([
    bringWeaviate(settingUp),
    bringWallet(projects, settingUp),
  ])
  const started = performance.now()
  const run: Run = { folder, projects, options, signal, env, err, stack, noWeaviate, took: [] }
  const records = await recordsOf(run)
  // Before the summary: whatever the servers say in the end, the last line is the sum.
  await stack.disposeAsync()
  const seconds = Math.round((performance.now() - started) / 100) / 10
  const report = sumUp(records, { seconds, projects: run.took, commit: await findCommit() })
  if (options.json !== undefined) {
    await writeFile(resolve(options.json), `${JSON.stringify(report, null, 2)}\n`)
  }
  out(renderReport(report, { controls: options.controls === true }).trimEnd())
  return isGreen(report) ? 0 : 1
}

type Run = {
  folder: string
  projects: readonly Project[]
  options: TestOptions
  signal: AbortSignal
  env: Record<string, string | undefined>
  err: (line: string) => void
  stack: AsyncDisposableStack
  /** Why there is no Weaviate, where one is missing. */
  noWeaviate: string | undefined
  /** Grows with every project that was run. */
  took: TestReport['projects']
}

async function recordsOf(run: Run): Promise<TestRecord[]> {
  const records: TestRecord[] = []
  let servers: string | undefined
  for (const project of run.projects) {
    if (run.signal.aborted) {
      // What was stopped in a project says so itself.
      if (records.length === 0) records.push(brokenRun(project, reasonOf(run.signal, 0)))
      break
    }
    if (project !== SERVERLESS && servers === undefined) {
      try {
        servers = await openServers(run)
      } catch (cause) {
        records.push(brokenRun(project, `the servers did not start: ${String(cause)}`))
        break
      }
    }
    const started = performance.now()
    records.push(...(await runProject(project, { ...run, servers })))
    run.took.push({ name: project, seconds: Math.round((performance.now() - started) / 100) / 10 })
  }
  return records
}

async function openServers({ stack, err }: Run): Promise<string> {
  const { openTestServers } = await import('./test-servers.ts')
  const servers = stack.use(await openTestServers({ log: err }))
  return JSON.stringify(servers.urls)
}

async function runProject(
  project: Project,
  run: Run & { servers: string | undefined },
): Promise<TestRecord[]> {
  const { folder, options, signal, env, servers } = run
  const without = project === WEAVIATE_PROJECT ? run.noWeaviate : undefined
  const file = join(folder, `${project}.jsonl`)
  await writeFile(file, '')
  const status = await runTool(
    [
      process.execPath,
      join(CHECKOUT, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      `--project=${project}`,
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=./tests/reporter.ts',
      ...(options.controls === true ? ['--testNamePattern', CONTROL_NAME.source] : []),
    ],
    {
      signal,
      env: {
        ...env,
        ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
        ...(options.full === true ? { CHIMERA_TEST_FULL: '1' } : {}),
        ...(isWhole(options) ? {} : { CHIMERA_TEST_CONTROLS: 'later' }),
        ...(servers === undefined ? {} : { CHIMERA_TEST_SERVERS: servers }),
        ...(without === undefined ? {} : { CHIMERA_TEST_NO_WEAVIATE: without }),
        CHIMERA_TEST_REPORT: file,
        // Whatever the tests put into a temporary folder is found there when they are stopped.
        TMPDIR: folder,
      },
    },
  )
  const records = parseRecords(await readFile(file, 'utf8'))
  const failed = records.some(({ outcome }) => outcome === 'failed')
  // A vitest that died, or was stopped, has not written all it should have.
  const broken = status === 0 || failed ? [] : [brokenRun(project, reasonOf(signal, status))]
  return [...records.filter((record) => isWanted(record, options)), ...broken]
}

/** Those that start processes take a third of the time, and so are asked for. */
const isWhole = ({ controls, full }: TestOptions): boolean => controls === true || full === true

/** Under `--controls` vitest reports all other tests as skipped; they were never asked for. */
function isWanted({ outcome, test }: TestRecord, { controls }: TestOptions): boolean {
  return controls !== true || outcome !== 'skipped' || CONTROL_NAME.test(test)
}

function brokenRun(project: Project, reason: string): TestRecord {
  return { project, test: 'the run itself', outcome: 'failed', reason }
}

function reasonOf(signal: AbortSignal, status: number): string {
  if (signal.aborted) return `stopped: ${String(signal.reason)}`
  return `vitest ended with exit code ${status} though no test failed`
}

/** Aborts on SIGINT, SIGTERM, and after the deadline when there is one. */
function interruption(stack: AsyncDisposableStack, deadlineMs: number | undefined): AbortSignal {
  const controller = new AbortController()
  const stop = (name: string) => controller.abort(name)
  for (const name of ['SIGINT', 'SIGTERM']) {
    process.on(name, stop)
    stack.defer(() => {
      process.off(name, stop)
    })
  }
  if (deadlineMs !== undefined) {
    const timer = setTimeout(() => {
      stop(`the tests took longer than ${deadlineMs / 60_000} minutes`)
    }, deadlineMs)
    stack.defer(() => clearTimeout(timer))
  }
  return controller.signal
}

/** The commit of the checkout; `null` without git. */
async function findCommit(): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd: CHECKOUT })
    return stdout.trim()
  } catch {
    return null
  }
}
