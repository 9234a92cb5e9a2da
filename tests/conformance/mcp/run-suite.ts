import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { CHECKOUT } from '../../source-tree.ts'

/** The official suite, as it is installed. */
const SUITE = dirname(
  fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/package.json')),
)

export type Revision = '2026-07-28' | '2025-11-25'

/** How a scenario ended: its checks. */
export type Ended = Readonly<{ scenario: string; passed: number; failed: number }>

export type Subject = Readonly<
  { revision: Revision; timeoutMs?: number } & (
    | { kind: 'server'; url: string }
    | { kind: 'client'; command: string }
  )
>

/**
 * Runs what a revision of the specification requires of a server or a client. Answers every
 * scenario that the suite ran, and everything that it printed.
 */
export async function runSuite(of: Subject): Promise<{ ended: Ended[]; printed: string }> {
  const printed = await runTool(of, ['--requirements', of.revision])
  return { ended: readSummary(printed), printed }
}

/** Runs one scenario by itself: whether all its checks passed, and what was printed. */
export async function runScenario(
  of: Subject,
  scenario: string,
): Promise<{ hasPassed: boolean; printed: string }> {
  const printed = await runTool(of, ['--scenario', scenario, '--spec-version', of.revision])
  const [, passed = '0', failed = '1'] = /^Passed: (\d+)\/\d+, (\d+) failed/m.exec(printed) ?? []
  return { hasPassed: Number(passed) > 0 && Number(failed) === 0, printed }
}

async function runTool(of: Subject, what: readonly string[]): Promise<string> {
  const subject = of.kind === 'server' ? ['--url', of.url] : ['--command', of.command]
  const tool = join(SUITE, 'dist', 'index.js')
  const child = spawn(
    process.execPath,
    [tool, of.kind, ...subject, ...what, '--timeout', String(of.timeoutMs ?? SCENARIO_MS)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { NODE_COMPILE_CACHE, ...process.env, NO_COLOR: '1' },
    },
  )
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString('utf8')))
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  child.on('close', () => resolve())
  await promise
  return printed
}

/** Where `./chimera` keeps compiled code: a client starts in two thirds of the time. */
const NODE_COMPILE_CACHE = join(CHECKOUT, '.chimera', 'state', 'compile-cache')

/** Some forty clients start at once; none of them takes a second by itself. */
const SCENARIO_MS = 60_000

/** `✓ tools-list: 4 passed, 0 failed`. A scenario without a single check has not been tried. */
function readSummary(printed: string): Ended[] {
  const [, summary = ''] = printed.split(/^=== (?:SUITE )?SUMMARY ===$/m)
  return [...summary.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gm)].map(
    ([, scenario = '', passed, failed]) => ({
      scenario,
      passed: Number(passed),
      failed: Number(failed),
    }),
  )
}

/** The names that the suite's own list requires, which nobody here can make shorter. */
export function requiredScenarios(revision: Revision, kind: 'server' | 'client'): string[] {
  const text = readFileSync(join(SUITE, 'requirements', `${revision}.yaml`), 'utf8')
  const [, section = ''] = new RegExp(`^${kind}:\\n((?:[ #].*\\n|\\n)*)`, 'm').exec(text) ?? []
  return [...section.matchAll(/^ {2}- (\S+)/gm)].map(([, name = '']) => name)
}
