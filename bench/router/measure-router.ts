import { join } from 'node:path'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { migrate } from '@chimera/infra/database/migrate'
import { type Database, openDatabase } from '@chimera/infra/database/open-database'
import { loadCascade } from '@chimera/infra/llm/cascade/load-cascade'
import { openTierRequest } from '@chimera/infra/llm/cascade/tier-request'
import { SEEN_FOR_MS } from '@chimera/infra/llm/circuits/circuit-looks'
import { type Circuits, openOwnCircuits } from '@chimera/infra/llm/circuits/circuits'
import { openRecordCircuits } from '@chimera/infra/llm/circuits/record-circuits'
import type { Ask, Model } from '@chimera/infra/llm/model'
import { type ModelBudget, openModelBudget } from '@chimera/infra/llm/model-budget'
import { openModel } from '@chimera/infra/llm/open-model'
import { firstTurn } from '@chimera/infra/llm/prompt'
import { openPostgres } from '@chimera/infra/stack/postgres-server'
import { checkoutRoot } from '@chimera/infra/stack/state-dir'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import { openLineProcess } from '../processes/line-process.ts'
import { type Summary, summarize } from '../report/figures.ts'
import { openStateDir } from '../stack/bench-stack.ts'

/** In the order in which they take turns. */
export const WAYS = ['sdk', 'own', 'looked', 'record', 'paid'] as const
export type Way = (typeof WAYS)[number]

/** Milliseconds of a question, and what of them was work of the process that asks. */
export type RouterRound = Record<Way, Summary & { cpuMs: number }>

/** The first questions load the SDK and warm the server up. */
const WARM_UP = 30

/** An object of any shape: the server that stands in says `{}`. */
const ASK: Ask<object> = {
  instructions: 'Say something.',
  parts: [{ title: 'Seen', pointer: { source: 'goal', path: '/text' }, value: 'x'.repeat(2_000) }],
  schema: z.looseObject({}),
  asked: { tenantId: DEFAULT_TENANT, goalId: 'bench' },
}

const SETTLED = Promise.resolve()
const unpaid: ModelBudget = {
  reserve: () => Promise.resolve({ answered: () => SETTLED, refused: () => SETTLED }),
}

export async function measureRouter(of: {
  rounds: number
  questions: number
  log: (line: string) => void
}): Promise<RouterRound[]> {
  await using opened = new AsyncDisposableStack()
  const { stateDir } = opened.use(openStateDir())
  const postgres = opened.use(await openPostgres({ stateDir, log: of.log }))
  await migrate({ databaseUrl: postgres.url, log: () => undefined })
  const silent = openLog({ name: 'bench', level: 'silent' })
  const database = opened.use(openDatabase({ url: postgres.url, name: 'bench', log: silent }))
  const { url, kill } = await startServer(join(stateDir, 'calls.jsonl'))
  opened.defer(kill)
  const config = { LLM_BASE_URL: url, LLM_MODEL: 'scripted', LLM_TIMEOUT_MS: 30_000 }
  const [tier] = loadCascade(config)?.tiers ?? []
  const open = (circuits: Circuits, budget: ModelBudget): Model => {
    const model = openModel(config, budget, { circuits })
    if (model === undefined) throw new Error('There is no model.')
    return model
  }
  const circuits = openRecordCircuits(database)
  const models = {
    own: open(openOwnCircuits(), unpaid),
    looked: open(openRecordCircuits(database, alwaysLate()), unpaid),
    record: open(circuits, unpaid),
    paid: open(circuits, openModelBudget({ database, actor: 'bench' })),
  }
  if (tier === undefined) throw new Error('There is no tier.')
  await insertGoal(database)
  const request = openTierRequest()
  const ways = {
    sdk: () => request({ tier, ask: ASK, turns: [firstTurn(ASK.parts)] }),
    own: () => models.own.complete(ASK),
    looked: () => models.looked.complete(ASK),
    record: () => models.record.complete(ASK),
    paid: () => models.paid.complete(ASK),
  }
  await measure(ways, WARM_UP)
  const rounds: RouterRound[] = []
  for (let round = 1; round <= of.rounds; round += 1) {
    rounds.push(await measure(ways, of.questions))
    of.log(`round ${round} of ${of.rounds}`)
  }
  return rounds
}

/** The model that the tests ask, too, as a process of its own. */
async function startServer(record: string): Promise<{ url: string; kill: () => void }> {
  const { promise: first, resolve } = Promise.withResolvers<string>()
  const root = checkoutRoot()
  const child = openLineProcess({
    command: process.execPath,
    args: [join(root, 'tests', 'models', 'main.ts'), 'scripted', record],
    cwd: root,
    onLine: resolve,
  })
  const ended = child.ended.then(() => {
    throw new Error(`The model ended: ${child.lastWords()}`)
  })
  const line = await Promise.race([first, ended])
  ended.catch(() => undefined)
  const { url } = z.object({ url: z.string() }).parse(JSON.parse(line))
  return { url, kill: () => child.kill('SIGKILL') }
}

/** A clock by which nothing that was seen is fresh: there is a look for each question. */
function alwaysLate(): () => number {
  let nowMs = 0
  return () => (nowMs += SEEN_FOR_MS)
}

/** Whoever pays has to be a goal's. */
async function insertGoal(database: Database): Promise<void> {
  const { tenantId, goalId: id } = ASK.asked
  const goal = { id, text: 'generic: think', mode: 'paper' } as const
  await database.transaction(async (tx) => {
    const audit = draftAudit()
    await insertGoals(tx, [{ tenantId, id, goal, source: 'cli', trust: 'owner' }], audit)
    await appendAudit(tx, audit, 'bench')
  })
}

type Ways = Record<Way, () => Promise<unknown>>

/** One after the other, in turns: whatever else the machine does meets all of them. */
async function measure(ways: Ways, questions: number): Promise<RouterRound> {
  const took = perWay((): number[] => [])
  const worked = perWay(() => ({ ms: 0 }))
  for (let question = 0; question < questions; question += 1) {
    // Each comes after each other one as often: whoever has waited finds a colder machine.
    const first = question % WAYS.length
    for (const name of [...WAYS.slice(first), ...WAYS.slice(0, first)]) {
      const [began, before] = [performance.now(), process.cpuUsage()]
      await ways[name]()
      took[name].push(performance.now() - began)
      const { user, system } = process.cpuUsage(before)
      worked[name].ms += (user + system) / 1_000
    }
  }
  return perWay((name) => ({ ...summarize(took[name]), cpuMs: worked[name].ms / questions }))
}

const perWay = <T>(make: (name: Way) => T): Record<Way, T> => ({
  sdk: make('sdk'),
  own: make('own'),
  looked: make('looked'),
  record: make('record'),
  paid: make('paid'),
})
