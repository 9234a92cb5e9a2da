import { type MovePlace, MoveStep } from '@chimera/contracts/judging/memory-upkeep'

import type { CliContext } from '../../context.ts'
import { type GatewayClient, openGatewayClient } from '../../gateway-client.ts'
import { plain } from '../../terminal-text.ts'
import { openProgress, progressLine } from './progress.ts'

export type MigrateOptions = Readonly<{ dropOld?: boolean; batch: number; json?: boolean }>

/** Brings memories into the layout of today, step by step. */
export async function migrateMemories(options: MigrateOptions, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context)
  await moveMemories({ client, options, context })
}

/**
 * Drives a move to its end. Nothing is kept here: whoever is stopped in the middle runs it again,
 * and what was copied is only looked at. Answers how it ended: `done`, or `ready`.
 */
export async function moveMemories(of: {
  client: GatewayClient
  options: MigrateOptions & { renew?: boolean }
  context: CliContext
}): Promise<MoveStep['phase']> {
  const { client, options, context } = of
  const asked = { limit: options.batch, renew: options.renew, drop_old: options.dropOld }
  let place: MovePlace | null = null
  let progress = openProgress({ total: 0 })
  for (;;) {
    const body: unknown = await client
      .post('/v1/memories/migrate', { ...asked, place })
      .catch((error: unknown) => {
        context.err('What was copied stays so; run it again to go on.')
        throw error
      })
    const step = MoveStep.parse(body)
    if (step.place === null) {
      tellEnd(step, of)
      return step.phase
    }
    // Somebody may begin anew: then the count does, too.
    if (step.held !== null) progress = openProgress({ total: step.held })
    const now = progress.add({ slow: step.written, fast: step.passed })
    const said = { phase: step.phase, from: step.from, to: step.to, ...now }
    if (options.json === true) context.out(JSON.stringify(said))
    else if (step.phase === 'copy') context.err(progressLine(now))
    place = step.place
  }
}

function tellEnd(
  step: MoveStep,
  { options, context }: { options: MigrateOptions; context: CliContext },
): void {
  const { phase, to, left = [], dropped = [] } = step
  if (options.json === true) return context.out(JSON.stringify({ phase, to, left, dropped }))
  if (phase === 'ready') {
    context.out(plain(`Everything is copied into ${to}, which is not asked yet: the collection`))
    context.out(`${step.from} has the name itself. Run it again with --drop-old to go over.`)
    return
  }
  context.out(plain(`Memories are in ${to}.`))
  if (dropped.length > 0) context.out(plain(`Deleted: ${dropped.join(', ')}.`))
  if (left.length > 0) {
    context.out(plain(`Left, until \`chimera memory migrate --drop-old\`: ${left.join(', ')}.`))
  }
}
