import { join } from 'node:path'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { migrate } from '@chimera/infra/database/migrate'
import { openDatabase } from '@chimera/infra/database/open-database'
import { loadCascade } from '@chimera/infra/llm/cascade/load-cascade'
import { openTierRequest } from '@chimera/infra/llm/cascade/tier-request'
import { openRecordCircuits } from '@chimera/infra/llm/circuits/record-circuits'
import type { Ask } from '@chimera/infra/llm/model'
import type { ModelBudget } from '@chimera/infra/llm/model-budget'
import { openModel } from '@chimera/infra/llm/open-model'
import { firstTurn } from '@chimera/infra/llm/prompt'
import { openPostgres } from '@chimera/infra/stack/postgres-server'
import { checkoutRoot } from '@chimera/infra/stack/state-dir'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import { openLineProcess } from '../processes/line-process.ts'
import { type Summary, summarize } from '../report/figures.ts'
import { openStateDir } from '../stack/bench-stack.ts'

/** Milliseconds of a question, by who asks. */
export type RouterRound = Record<'sdk' | 'own' | 'record', Summary>

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
  const own = openModel(config, unpaid)
  const record = openModel(config, unpaid, { circuits: openRecordCircuits(database) })
  if (tier === undefined || own === undefined || record === undefined) {
    throw new Error('There is no model.')
  }
  const request = openTierRequest()
  const ways = {
    sdk: () => request({ tier, ask: ASK, turns: [firstTurn(ASK.parts)] }),
    own: () => own.complete(ASK),
    record: () => record.complete(ASK),
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

type Ways = Record<keyof RouterRound, () => Promise<unknown>>

/** One after the other, in turns: whatever else the machine does meets all of them. */
async function measure(ways: Ways, questions: number): Promise<RouterRound> {
  const took: Record<keyof RouterRound, number[]> = { sdk: [], own: [], record: [] }
  const names = ['sdk', 'own', 'record'] as const
  for (let question = 0; question < questions; question += 1) {
    for (const name of names) {
      const began = performance.now()
      await ways[name]()
      took[name].push(performance.now() - began)
    }
  }
  return {
    sdk: summarize(took.sdk),
    own: summarize(took.own),
    record: summarize(took.record),
  }
}
