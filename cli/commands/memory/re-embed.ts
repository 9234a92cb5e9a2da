import { ChimeraError } from '@chimera/contracts/errors'
import { ReEmbedded } from '@chimera/contracts/judging/memory-upkeep'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { type GatewayClient, openGatewayClient } from '../../gateway-client.ts'
import { readPages } from '../../read-pages.ts'
import { plain } from '../../terminal-text.ts'
import { moveMemories } from './migrate.ts'
import { openProgress, progressLine } from './progress.ts'

export type ReEmbedOptions = Readonly<{
  agent?: string
  all?: boolean
  dropOld?: boolean
  batch: number
  json?: boolean
}>

/** What was done for one tenant, or what keeps it from being done where it stands. */
type Outcome = { made: number; held: number; embedder: string; isOfOtherSize: boolean }

/** Tenants of a house that are gone through. */
const MAX_TENANTS = 100_000

/**
 * Makes the vectors anew that another embedder than the gateway's made: of the own tenant, of one
 * agent, or of all tenants. Where they change their size they are copied into another collection,
 * those of all tenants, for which the token has to be the house's.
 */
export async function reEmbedMemories(options: ReEmbedOptions, context: CliContext): Promise<void> {
  if (options.all === true && options.agent !== undefined) {
    throw new CliExit(EXIT.usage, 'Use --agent or --all: an agent is one tenant’s.')
  }
  const client = await openGatewayClient(context)
  const of = { client, options, context }
  const paths = await pathsOf(of)
  const first = await reEmbedAll(paths, of)
  if (first !== 'of another size') return
  const renewal = { ...of, options: { ...options, renew: true } }
  if ((await moveMemories(renewal)) !== 'done') return
  // What the embedder of before was told while the last page was copied.
  if ((await reEmbedAll(paths, of)) === 'of another size') {
    throw new CliExit(EXIT.conflict, 'Somebody has moved the memories elsewhere meanwhile.')
  }
}

type Run = Readonly<{ client: GatewayClient; options: ReEmbedOptions; context: CliContext }>

async function reEmbedAll(paths: readonly string[], of: Run): Promise<'done' | 'of another size'> {
  let [made, held, embedder] = [0, 0, '']
  for (const path of paths) {
    const outcome = await reEmbedAt({ ...of, path })
    if (outcome.isOfOtherSize) return 'of another size'
    made += outcome.made
    held += outcome.held
    embedder = outcome.embedder
  }
  if (of.options.json === true) {
    of.context.out(JSON.stringify({ phase: 'done', embedder, held, made }))
  } else {
    const rest = `all ${held.toLocaleString('en')} memories have vectors of ${embedder}`
    of.context.out(plain(`${made.toLocaleString('en')} made anew; ${rest}.`))
  }
  return 'done'
}

async function pathsOf({ client, options }: Run): Promise<string[]> {
  if (options.all !== true) return ['/v1/memories/re-embed']
  const ids = await readPages({
    client,
    path: '/v1/tenants',
    field: 'tenants',
    query: {},
    limit: MAX_TENANTS,
    parse: (item) => z.looseObject({ id: z.uuid() }).parse(item).id,
  })
  return ids.map((id) => `/v1/tenants/${id}/memories/re-embed`)
}

async function reEmbedAt(of: Run & { path: string }): Promise<Outcome> {
  const { client, path, options, context } = of
  const body = { agent_id: options.agent }
  const ask = async (limit: number) => ReEmbedded.parse(await client.post(path, { ...body, limit }))
  const { stale: total, held, embedder } = await ask(0)
  const progress = openProgress({ total })
  const outcome = { made: 0, held, embedder, isOfOtherSize: false }
  if (total === 0) return outcome
  for (;;) {
    const step = await ask(options.batch).catch((error: unknown) => {
      const isOfOtherSize = error instanceof ChimeraError && error.code === 'MEMORY_VECTOR_SIZE'
      if (isOfOtherSize && options.agent === undefined) return undefined
      context.err(`${outcome.made} were made anew and stay so; run it again to go on.`)
      throw error
    })
    if (step === undefined) return { ...outcome, isOfOtherSize: true }
    if (step.found === 0) return outcome
    outcome.made += step.renewed
    const now = progress.add({ slow: step.found })
    if (options.json === true) context.out(JSON.stringify({ phase: 're-embed', embedder, ...now }))
    else context.err(progressLine(now))
  }
}
