import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { ToolStatus } from '@chimera/contracts/tool-control'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { z } from 'zod'

import { readProcess, startOf } from '../processes/process-table.ts'
import { type BenchStack, eventually, openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import type { Death } from './deaths.ts'

/** One death and what followed, in milliseconds. */
export type Recovery = {
  /** From the death until the supervisor had started it again. */
  restarted_ms: number
  /** From that start until it said that it is ready: Node, its modules, its connections. */
  ready_ms: number
  /** From that start until its own work was done. */
  done_ms: number
  /** CPU that it had used by then: what a busy machine cannot falsify. */
  cpu_ms: number
}

const DEATH_WITHIN_MS = 20_000
const DONE_WITHIN_MS = 30_000
/** Whoever lived so long is started again at once: the supervisor sees no crash loop. */
const LIVES_MS = 3_000
/** A goal that meets no death does its work and counts for nothing. */
const TRIES = 4

/**
 * Kills one process `rounds` times at its point, each time with new work in its hands. `:2` lets
 * the work that it takes up again pass the point, and the next one fall; the record of the death is
 * taken away after each, so that the point is armed again.
 */
export async function killRepeatedly(options: {
  death: Death
  rounds: number
  env: Readonly<Record<string, string | undefined>>
}): Promise<Recovery[]> {
  const { death } = options
  using folder = openStateDir()
  await using stack = await openBenchStack({
    stateDir: folder.stateDir,
    env: {
      ...options.env,
      CHIMERA_CRASH_AT: `${death.at}:2`,
      TWEET_COOLDOWN_MS: '1',
      TWEET_ABSENCE_MS: '3000',
    },
  })
  await stack.misbehave({ duplicate_check: false })
  const recoveries: Recovery[] = []
  for (let n = 0; recoveries.length < options.rounds; n += 1) {
    if (n > options.rounds * TRIES) throw new Error(`${death.at} is not reached`)
    await sleep(LIVES_MS)
    const found = await killOnce(stack, death, n)
    if (found !== undefined) recoveries.push(found)
  }
  return recoveries
}

async function killOnce(stack: BenchStack, death: Death, n: number): Promise<Recovery | undefined> {
  const crashFile = stateDirPaths(stack.stateDir).crashPoints
  rmSync(crashFile, { force: true })
  const before = await pidOf(stack, death.process)
  const id = `recovery-${n}`
  const { text } = death
  if (text === undefined) await restartTool(stack)
  else await stack.post({ id, text: text(n) })
  const crash = await eventually({
    what: `${death.at} is reached, or its work is done`,
    withinMs: DEATH_WITHIN_MS,
    check: async () => stack.crashes()[0] ?? (await isOver(stack, death, id)),
  })
  if (crash === 'over') return undefined
  const diedAt = Date.parse(crash.at)
  const { pid, startedAt } = await eventually({
    what: `${death.process} is started again`,
    withinMs: DEATH_WITHIN_MS,
    everyMs: 20,
    check: async () => {
      const now = await pidOf(stack, death.process)
      if (now === null || now === undefined || now === before) return undefined
      const at = await startOf(now)
      return at === undefined ? undefined : { pid: now, startedAt: at }
    },
  })
  const doneAt = await eventually({
    what: `the work of ${death.process} is done`,
    withinMs: DONE_WITHIN_MS,
    everyMs: 20,
    check: () => doneOf(stack, death, id),
  })
  const cpu_ms = ((await readProcess(pid))?.cpu_s ?? Number.NaN) * 1000
  const readyAt = await eventually({
    what: `${death.process} says that it is ready`,
    withinMs: DONE_WITHIN_MS,
    check: () => readyAfter(stack, death.process, diedAt),
  })
  return {
    restarted_ms: startedAt - diedAt,
    ready_ms: readyAt - startedAt,
    done_ms: doneAt - startedAt,
    cpu_ms,
  }
}

/** By the log of the process itself. */
function readyAfter(stack: BenchStack, name: string, diedAt: number): number | undefined {
  const file = join(stateDirPaths(stack.stateDir).logs, `${name}.log`)
  const lines = readFileSync(file, 'utf8').split('\n')
  const times = lines.map((line) => ReadyLine.safeParse(parseLine(line)).data?.time ?? '')
  return times.map((time) => Date.parse(time)).find((time) => time > diedAt)
}

const ReadyLine = z.object({ msg: z.literal('ready'), time: z.string() })

/** A log may hold words of Node itself. */
function parseLine(line: string): unknown {
  return line.startsWith('{') && line.endsWith('}') ? JSON.parse(line) : undefined
}

/** The tool server alone: it comes back closed, and needs a hello. */
async function restartTool(stack: BenchStack): Promise<void> {
  const pid = await pidOf(stack, 'tweet')
  if (typeof pid !== 'number') throw new Error('The tool server does not run.')
  process.kill(pid, 'SIGKILL')
}

async function pidOf(stack: BenchStack, name: string): Promise<number | null | undefined> {
  const { roles, tools } = await stack.report()
  return [...roles, ...tools].find((one) => one.name === name)?.pid
}

/** The point was passed without a death: this life had not been there before. */
async function isOver(stack: BenchStack, death: Death, id: string): Promise<'over' | undefined> {
  if (death.doneAt === undefined) return undefined
  const goal = await stack.goal(id)
  const isDone = goal !== undefined && (death.doneAt(goal) ?? null) !== null
  return isDone && stack.crashes().length === 0 ? 'over' : undefined
}

async function doneOf(stack: BenchStack, death: Death, id: string): Promise<number | undefined> {
  if (death.doneAt === undefined) return (await isToolOpen(stack)) ? Date.now() : undefined
  const goal = await stack.goal(id)
  const at = goal === undefined ? undefined : death.doneAt(goal)
  return at === undefined || at === null ? undefined : Date.parse(at)
}

async function isToolOpen(stack: BenchStack): Promise<boolean> {
  const { tools } = await stack.report()
  const token = readFileSync(stateDirPaths(stack.stateDir).keyFiles.controlToken, 'utf8').trim()
  const answer = await fetch(new URL('/control/status', tools[0]?.url), {
    headers: { authorization: `Bearer ${token}` },
  })
  return ToolStatus.parse(await answer.json()).state === 'open'
}
