import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { SimulatedRequest } from '@chimera/contracts/observable'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'

import { type FreshDatabase, openFreshDatabase, urlAs } from '../../fresh-database.ts'
import { audited } from '../../integration/planner-rig.ts'
import { tier, writeCascade } from '../../models/cascade-file.ts'
import { ChatRequest } from '../../models/chat.ts'
import { type ModelProcess, startModel } from '../../models/model-process.ts'
import type { Settings } from './asker/protocol.ts'

/** Of the paid model, in and out. */
export const USD_PER_MILLION = 20n
/** What a goal may cost unless it says more. */
export const CAP_MICROS = 1_000_000n
/** What the paid model says. */
export const ANSWER = '{"colour":"red"}'

/** A record, a free model `near`, and a paid one `far` that it fails into. */
export type RouterRig = AsyncDisposable &
  Readonly<{
    database: FreshDatabase
    server: ModelProcess
    /** Begins with closed circuits, and a goal that nothing was spent for yet. */
    newGoal: (maxCostUsd?: number) => Promise<Omit<Settings, 'without'>>
    /** How often each model was asked since. */
    watchCalls: () => () => Readonly<{ near: number; far: number; all: SimulatedRequest[] }>
    /** What the goal's counter holds in dollars. */
    counterOf: (goalId: string) => Promise<{ spent: string; reserved: string } | undefined>
    /** As if so much time had gone by for circuits. */
    passForCircuits: (ms: number) => Promise<void>
  }>

export async function openRouterRig(): Promise<RouterRig> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'askers-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  const database = stack.use(await openFreshDatabase())
  const record = join(folder, 'calls.jsonl')
  const server = stack.use(await startModel({ mind: 'scripted', recordPath: record }))
  const price = String(USD_PER_MILLION)
  const paid = {
    privacy: 'any',
    usd_per_million: { input: price, output: price },
    // Many processes that load the SDK at once are slow, and that is not what is tried.
    timeout_ms: 20_000,
  } as const
  const file = join(folder, 'cascade.json')
  writeCascade(file, { tiers: [tier('near', server.url), tier('far', server.url, paid)] })
  const held = stack.move()
  return {
    database,
    server,
    newGoal: async (maxCostUsd = 1) => {
      await server.tell({ fault: 'none' })
      await database.query({ text: 'DELETE FROM model_circuits' })
      const id = `g-${newId()}`
      const goal = { id, text: 'generic: think', mode: 'paper', max_cost_usd: maxCostUsd } as const
      const one = { tenantId: DEFAULT_TENANT, id, goal, source: 'cli', trust: 'owner' } as const
      await audited(database, (tx, audit) => insertGoals(tx, [one], audit))
      const databaseUrl = urlAs('chimera_swarm', database.databaseUrl)
      return { databaseUrl, cascadeFile: file, goalId: id }
    },
    watchCalls: () => {
      const from = server.calls().length
      return () => {
        const all = server.calls().slice(from)
        const models = all.map(({ body }) => ChatRequest.safeParse(body).data?.model)
        const count = (name: string) => models.filter((model) => model === name).length
        return { near: count('near'), far: count('far'), all }
      }
    },
    counterOf: async (goalId) => {
      const [row] = await database.query<{ spent: string; reserved: string }>({
        text: `SELECT spent, reserved FROM budgets WHERE scope = 'goal' AND scope_id = $1
          AND asset = 'USD'`,
        values: [goalId],
      })
      return row
    },
    passForCircuits: async (ms) => {
      const back = (column: string) => `${column} = ${column} - $1 * interval '1 millisecond'`
      const columns = ['open_until', 'cool_until', 'probe_until'].map((column) => back(column))
      await database.query({
        text: `UPDATE model_circuits SET ${columns.join(', ')}`,
        values: [ms],
      })
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
