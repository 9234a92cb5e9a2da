import { z } from 'zod'

/** One line of the file that `tests/reporter.ts` writes: one test that ended. */
export const TestRecord = z.strictObject({
  project: z.string(),
  test: z.string(),
  outcome: z.enum(['passed', 'failed', 'skipped']),
  /** Why it was skipped, or the first line of its failure. */
  reason: z.string().optional(),
  guarantee: z.strictObject({ id: z.string(), n: z.int(), seed: z.int() }).optional(),
  control: z
    .strictObject({
      guard: z.string(),
      test: z.string(),
      expect: z.string(),
      seen: z.string().optional(),
    })
    .optional(),
})
export type TestRecord = z.infer<typeof TestRecord>

/** What `./chimera test --json <file>` writes (design section 10). */
export type TestReport = {
  passed: number
  failed: number
  skipped: { test: string; reason: string }[]
  failures: { test: string; reason: string }[]
  guarantees: { id: string; n: number; seed: number; passed: boolean }[]
  controls: { guard: string; test: string; expect: string; seen: string | null; passed: boolean }[]
  /** Controls that start processes, which a run has to ask for. */
  controls_left: string[]
  seconds: number
  /** What each project took, in the order of the run. */
  projects: { name: string; seconds: number }[]
  /** The commit of the checkout, or `null` outside git. */
  commit: string | null
}

/** Parses the reporter's file. Throws on a line that is not one of its records. */
export function parseRecords(jsonl: string): TestRecord[] {
  return jsonl
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => TestRecord.parse(JSON.parse(line)))
}

/** The names that `control()` in tests/guarantee.ts gives. */
export const CONTROL_NAME = /(^| )control: without /

const isLeft = ({ outcome, test }: TestRecord): boolean =>
  outcome === 'skipped' && CONTROL_NAME.test(test)

/** Sums the records up. */
export function sumUp(
  records: readonly TestRecord[],
  run: Pick<TestReport, 'seconds' | 'projects' | 'commit'>,
): TestReport {
  const withOutcome = (outcome: TestRecord['outcome']) =>
    records
      .filter((record) => record.outcome === outcome && !isLeft(record))
      .map(({ project, test, reason }) => ({
        test: `${project}: ${test}`,
        reason: reason ?? 'no reason given',
      }))
  return {
    passed: records.filter(({ outcome }) => outcome === 'passed').length,
    failed: records.filter(({ outcome }) => outcome === 'failed').length,
    skipped: withOutcome('skipped'),
    failures: withOutcome('failed'),
    guarantees: records.flatMap(({ guarantee, outcome }) =>
      guarantee === undefined ? [] : [{ ...guarantee, passed: outcome === 'passed' }],
    ),
    controls: records.flatMap(({ control, outcome }) =>
      control === undefined
        ? []
        : [{ ...control, seen: control.seen ?? null, passed: outcome === 'passed' }],
    ),
    controls_left: records.filter(isLeft).map(({ project, test }) => `${project}: ${test}`),
    ...run,
  }
}

/**
 * The report for people. Its last line is `N passed, N failed, N skipped` and nothing else, which
 * is what a reader of logs looks for.
 */
export function renderReport(report: TestReport, { controls }: { controls: boolean }): string {
  const lines = [
    ...section('Guarantees', report.guarantees.map(renderGuarantee)),
    ...section(
      'Negative controls',
      controls ? report.controls.flatMap(renderControl) : summariseControls(report),
    ),
    ...section(
      'SKIPPED',
      report.skipped.map(({ test, reason }) => `  ${test}: ${reason}`),
    ),
    ...section(
      'FAILED',
      report.failures.map(({ test, reason }) => `  ${test}: ${reason}`),
    ),
    ...section('Seconds', report.projects.map(renderProject)),
    `Took ${report.seconds.toFixed(0)} s at ${report.commit ?? 'no commit'}.`,
    `${report.passed} passed, ${report.failed} failed, ${report.skipped.length} skipped`,
  ]
  return `${lines.join('\n')}\n`
}

/** Nothing may be called green when a test failed or none ran. */
export function isGreen(report: TestReport): boolean {
  return report.failed === 0 && report.passed > 0
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines, '']
}

function renderProject({ name, seconds }: TestReport['projects'][number]): string {
  return `  ${seconds.toFixed(0).padStart(5)}  ${name}`
}

function renderGuarantee(guarantee: TestReport['guarantees'][number]): string {
  const { id, n, seed, passed } = guarantee
  return `  ${passed ? 'held  ' : 'BROKEN'} ${id} (n=${n}, seed=${seed})`
}

function renderControl(control: TestReport['controls'][number]): string[] {
  return [
    `  ${control.passed ? 'failed as it must' : 'PROVES NOTHING'}: ${control.test}`,
    `    guard removed: ${control.guard}`,
    `    expected:      ${control.expect}`,
    `    seen:          ${control.seen ?? 'no such failure'}`,
  ]
}

function summariseControls({ controls, controls_left: left }: TestReport): string[] {
  const seen = controls.filter(({ passed }) => passed).length
  return [
    ...(controls.length === 0 ? [] : [`  ${seen} of ${controls.length} failed as they must`]),
    ...(left.length === 0
      ? []
      : [`  ${left.length} start processes and run under ./chimera test --controls`]),
  ]
}
