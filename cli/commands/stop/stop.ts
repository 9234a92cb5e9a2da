import { StopReport } from '@chimera/contracts/observable'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { resume as endStop } from '@chimera/infra/database/fences/resume'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { openToolControl } from '@chimera/infra/tools/tool-control'

import { actorOf } from '../../actor.ts'
import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { getLocalStack, openRecord, readSecretFile } from '../../local-stack.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

export type StopOptions = Readonly<{ json?: boolean; reason?: string }>

/** The one scope until "Effects hold" brings tenants, agents, campaigns, goals and tools. */
const EVERYTHING = 'everything'

/** A server that is asked longer is no longer being stopped; the next one must not wait for it. */
const FENCED_WITHIN_MS = 1_500

/**
 * Stops everything: the row first, so that no new grant is made; then the fence at every tool
 * server, durable there; then the answer. Exit 1 when a server could not be reached: what it holds
 * may still go out. Its next start cannot be opened without the epoch of this stop.
 */
export async function stop(options: StopOptions, context: CliContext): Promise<void> {
  const stack = await getLocalStack(context)
  const token = await readSecretFile(stateDirPaths(stack.state_dir).keyFiles.stopToken)
  // Closed at the end only: nothing stands between the row and the fences.
  await using record = await openRecord(context, stack)
  const { epoch } = await raiseStop(record, fenceOf(options, context))
  const answers = await fenceAll(stack, { token, epoch, stopped: true })
  const report = StopReport.parse({
    epoch,
    acknowledged_at: new Date().toISOString(),
    tools: answers.map(({ name, error, inFlight }) => ({
      name,
      result: error === undefined ? 'fenced' : 'unreachable',
      in_flight: inFlight,
    })),
  })
  if (options.json === true) context.out(printableJson(report))
  else for (const line of renderStop(report)) context.out(line)
  failWhenUnreached(answers, context)
}

/** Ends the stop at a higher epoch: what was granted before it is voided and judged again. */
export async function resume(options: StopOptions, context: CliContext): Promise<void> {
  const stack = await getLocalStack(context)
  const token = await readSecretFile(stateDirPaths(stack.state_dir).keyFiles.controlToken)
  await using record = await openRecord(context, stack)
  const { epoch } = await endStop(record, fenceOf(options, context))
  const answers = await fenceAll(stack, { token, epoch, stopped: false })
  const tools = answers.map(({ name, error }) => ({
    name,
    result: error === undefined ? 'resumed' : 'unreachable',
  }))
  const report = { epoch, acknowledged_at: new Date().toISOString(), tools }
  if (options.json === true) context.out(printableJson(report))
  else {
    context.out(`Resumed at epoch ${epoch}.`)
    const rows = tools.map(({ name, result }) => [name, result])
    for (const line of renderTable(['tool', 'result'], rows)) context.out(line)
  }
  failWhenUnreached(answers, context)
}

function fenceOf({ reason }: StopOptions, context: CliContext): Parameters<typeof raiseStop>[1] {
  const fence = { scope: EVERYTHING, actor: actorOf(context) }
  return reason === undefined ? fence : { ...fence, reason }
}

type Answer = { name: string; error: string | undefined; inFlight: string[] }

/** All servers side by side: one that hangs holds up no other. */
async function fenceAll(
  { tools }: StackReport,
  fence: { token: string; epoch: number; stopped: boolean },
): Promise<Answer[]> {
  const { token, epoch, stopped } = fence
  return Promise.all(
    tools.map(async ({ name, url }) => {
      const signal = AbortSignal.timeout(FENCED_WITHIN_MS)
      try {
        const control = openToolControl({ url, token, signal })
        const reply = await control.fence({ scope: EVERYTHING, epoch, stopped })
        return { name, error: undefined, inFlight: reply.in_flight }
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        return { name, error: reason, inFlight: [] }
      }
    }),
  )
}

function failWhenUnreached(answers: readonly Answer[], context: CliContext): void {
  const unreached = answers.filter(({ error }) => error !== undefined)
  for (const { name, error } of unreached) context.err(`${name}: ${plain(error ?? '')}`)
  if (unreached.length === 0) return
  throw new CliExit(EXIT.failed, `Not reached: ${unreached.map(({ name }) => name).join(', ')}.`)
}

function renderStop({ epoch, acknowledged_at: at, tools }: StopReport): string[] {
  return [
    `Stopped at epoch ${epoch}, ${at}. No new grant is made; \`chimera resume\` ends it.`,
    ...renderTable(
      ['tool', 'result', 'in flight'],
      tools.map(({ name, result, in_flight: open }) => [name, result, open.join(', ') || '-']),
    ),
  ]
}
