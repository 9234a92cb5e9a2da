/**
 * A process that asks models as the roles do, for tests that start many and kill some: settings of
 * protocol.ts as its argument, orders on its standard input. It ends when that does.
 */
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'

import { ChimeraError } from '@chimera/contracts/errors'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { openDatabase } from '@chimera/infra/database/open-database'
import { loadCascade } from '@chimera/infra/llm/cascade/load-cascade'
import { openModel } from '@chimera/infra/llm/open-model'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import { composeBudget, composeCircuits } from './compose.ts'
import { type Answer, Order, Settings } from './protocol.ts'

const LEASE_MS = 20_000

const settings = Settings.parse(JSON.parse(process.argv[2] ?? ''))
const { databaseUrl: url, cascadeFile, goalId, without } = settings
const log = openLog({ name: 'asker', level: 'silent' })
await using database = openDatabase({ url, name: 'asker', log, role: 'chimera_swarm' })
const config = { LLM_CASCADE_FILE: cascadeFile, LLM_TIMEOUT_MS: 2_000 }
const circuits = composeCircuits(database, without)
const model = openModel(config, composeBudget(database, without), { circuits, log })
const [tier] = loadCascade(config)?.tiers ?? []
if (model === undefined || tier === undefined) throw new Error('There is no model.')

const ask = async (characters: number): Promise<string> => {
  const pointer = { source: 'goal', path: '/text' } as const
  const parts = [{ title: 'Seen', pointer, value: 'x'.repeat(characters) }]
  const schema = z.strictObject({ colour: z.string() })
  const asked = { tenantId: DEFAULT_TENANT, goalId }
  try {
    await model.complete({ instructions: 'Name the colour.', parts, schema, asked })
    return 'answered'
  } catch (error) {
    if (error instanceof ChimeraError) return error.code
    throw error
  }
}

async function askAll(order: Extract<Order, { do: 'ask' }>): Promise<Answer> {
  const codes: Record<string, number> = {}
  const work = async (): Promise<void> => {
    for (let asked = 0; asked < order.times; asked += 1) {
      const code = await ask(order.characters)
      codes[code] = (codes[code] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: order.workers }, work))
  return { codes, admittedAt: null, refused: null }
}

async function watch(forMs: number): Promise<Answer> {
  const until = Date.now() + forMs
  let admittedAt = null
  while (Date.now() < until) {
    const askedAt = Date.now()
    const admission = await circuits.admit(tier ?? never(), LEASE_MS)
    if (!admission.admitted) return { codes: {}, admittedAt, refused: admission.why }
    admittedAt = askedAt
    // The loop goes round, as it does between questions.
    await turn()
  }
  return { codes: {}, admittedAt, refused: null }
}

const never = (): never => {
  throw new Error('There is no tier.')
}

process.stdout.write('"ready"\n')
for await (const line of createInterface(process.stdin)) {
  const order = Order.parse(JSON.parse(line))
  const answer = order.do === 'ask' ? await askAll(order) : await watch(order.forMs)
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
