import { spawn } from 'node:child_process'
import { openSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { ConflictError } from '@chimera/contracts/errors'
import { findStack } from '@chimera/infra/stack/control-client'
import { openStack, type Stack } from '@chimera/infra/stack/stack'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { checkoutRoot, findStateDir, prepareStateDir } from '@chimera/infra/stack/state-dir'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { firstSteps } from './first-steps.ts'
import { followSentences } from './told-sentences.ts'

export type UpOptions = Readonly<{
  detach?: boolean
  json?: boolean
  install: boolean
  weaviate?: boolean
}>

/** A first start may have to install a Redis server. */
const DETACHED_READY_WITHIN_MS = 420_000
/** Of Weaviate's server, which takes three minutes on two idle cores. */
const BUILT_WITHIN_MS = 1_800_000
const LOOK_EVERY_MS = 100
/** As every process of a stack: a supervisor is 40 MB smaller with a small young generation. */
const SMALL = ['--max-semi-space-size=4']

/** Starts the stack, or says where the one that runs already is. */
export async function up(options: UpOptions, outer: CliContext): Promise<void> {
  const context = { ...outer, env: { ...outer.env, ...wishOf(options) } }
  const stateDir = findStateDir(context.env)
  const report = await findStarted(stateDir)
  if (report !== undefined) {
    context.err(`It is running already (supervisor ${report.pid}).`)
    print(report, options, context)
    return
  }
  if (options.detach === true) await runDetached(stateDir, options, context)
  else await runHere(stateDir, options, context)
}

/** What the options say goes to everything as what the environment would have said. */
function wishOf({ weaviate }: UpOptions): Readonly<Record<string, string>> {
  return weaviate === undefined ? {} : { WEAVIATE_SERVER: weaviate ? 'on' : 'off' }
}

async function runHere(stateDir: string, options: UpOptions, context: CliContext): Promise<void> {
  const stop = watchSignals()
  let stack: Stack
  try {
    stack = await openStack({
      stateDir,
      env: context.env,
      log: (sentence) => context.err(`chimera: ${sentence}`),
      install: options.install,
      signal: stop.signal,
    })
  } catch (error) {
    if (stop.signal.aborted) throw new CliExit(EXIT.interrupted, 'The start was called off.')
    // Another `up` was faster: that is what was wanted.
    if (error instanceof ConflictError) return up(options, context)
    throw error
  }
  print(await stack.report(), options, context)
  if (options.json !== true) context.err('Ctrl-C stops everything.')
  await Promise.race([stop.asked, stack.stopAsked])
  context.err('chimera: stopping')
  await stack.close()
}

/** The first signal stops in good order, the second at once: every child hangs on a lifeline. */
function watchSignals(): { signal: AbortSignal; asked: Promise<void> } {
  const controller = new AbortController()
  const asked = Promise.withResolvers<void>()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (controller.signal.aborted && name === 'SIGINT') process.exit(EXIT.interrupted)
      controller.abort()
      asked.resolve()
    })
  return { signal: controller.signal, asked: asked.promise }
}

async function runDetached(
  stateDir: string,
  options: UpOptions,
  context: CliContext,
): Promise<void> {
  const logFile = path.join((await prepareStateDir(stateDir)).logs, 'supervisor.log')
  const log = openSync(logFile, 'a', 0o600)
  const from = statSync(logFile).size
  const main = path.join(checkoutRoot(), 'cli', 'main.ts')
  const args = [...SMALL, main, 'up', ...(options.install ? [] : ['--no-install'])]
  const child = spawn(process.execPath, args, {
    cwd: '/',
    env: { ...context.env, CHIMERA_STATE_DIR: stateDir },
    detached: true,
    stdio: ['ignore', log, log],
  })
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(EXIT.failed))
    child.once('exit', (code) => resolve(code ?? EXIT.failed))
  })
  using relay = relayLog(logFile, from, context)
  const withinMs = DETACHED_READY_WITHIN_MS + (options.weaviate === true ? BUILT_WITHIN_MS : 0)
  const first = await Promise.race([ended, untilRunning(stateDir, withinMs)])
  relay.flush()
  // It ends well when another `up` was faster: then that one is what was wanted.
  if (typeof first === 'number' && first !== EXIT.ok)
    throw new CliExit(first, `It did not start; see ${logFile}.`)
  child.unref()
  const report = typeof first === 'number' ? await untilRunning(stateDir, withinMs) : first
  print(report, options, context)
}

/** The stack that runs already; one that is just being started is waited for. */
async function findStarted(stateDir: string): Promise<StackReport | undefined> {
  const tries = DETACHED_READY_WITHIN_MS / LOOK_EVERY_MS
  for (let n = 0; n < tries; n += 1) {
    const stack = await findStack(stateDir)
    // Gone between the two questions: its start has failed, or somebody has stopped it.
    const report = await stack?.report().catch(() => undefined)
    if (stack === undefined || (report !== undefined && report.state !== 'starting')) return report
    await sleep(LOOK_EVERY_MS)
  }
  throw new CliExit(EXIT.unavailable, 'It was not up in time; `chimera logs` shows why.')
}

async function untilRunning(stateDir: string, withinMs: number): Promise<StackReport> {
  const tries = withinMs / LOOK_EVERY_MS
  for (let n = 0; n < tries; n += 1) {
    await sleep(LOOK_EVERY_MS, undefined, { ref: false })
    const stack = await findStack(stateDir).catch(() => undefined)
    const report = await stack?.report().catch(() => undefined)
    if (report?.state === 'running') return report
  }
  throw new CliExit(EXIT.unavailable, 'It was not up in time; `chimera logs` shows why.')
}

/** What the detached supervisor says while it starts is for the person who waits. */
function relayLog(
  file: string,
  from: number,
  context: CliContext,
): Disposable & { flush: () => void } {
  let at = from
  const isTold = followSentences()
  const flush = (): void => {
    const text = readFileSync(file).subarray(at)
    const end = text.lastIndexOf('\n') + 1
    at += end
    for (const line of text.subarray(0, end).toString('utf8').split('\n').filter(isTold))
      context.err(line)
  }
  const timer = setInterval(flush, LOOK_EVERY_MS)
  return { flush, [Symbol.dispose]: () => clearInterval(timer) }
}

function print(report: StackReport, options: UpOptions, context: CliContext): void {
  if (options.json !== true) return context.out(firstSteps(report))
  const { state, state_dir, urls, token_file, pid } = report
  context.out(JSON.stringify({ state, state_dir, urls, token_file, pid }))
}
