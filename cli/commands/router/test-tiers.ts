import { ChimeraError } from '@chimera/contracts/errors'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { RouterTest } from '@chimera/contracts/models/router-view'
import type { Decision } from '@chimera/infra/llm/cascade/decision'
import { loadCascade } from '@chimera/infra/llm/cascade/load-cascade'
import { usdText } from '@chimera/infra/llm/cascade/price'
import { type ModelBudget, openModelBudget } from '@chimera/infra/llm/model-budget'
import { openModel } from '@chimera/infra/llm/open-model'
import { loadConfig } from '@chimera/runtime/config'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openRecord } from '../../local-stack.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

const Word = z.strictObject({ word: z.string().max(200) })

/**
 * Asks each tier of this environment one small question, past every circuit: for this is how a
 * person finds out whether to close one. The record is asked for the money before each, as always:
 * the default agent pays. Exit 1 when a tier did not answer.
 */
export async function testTiers(
  name: string | undefined,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const config = loadConfig(['llm'], context.env)
  const tiers = loadCascade(config)?.tiers.map((tier) => tier.name) ?? []
  const asked = tiers.filter((tier) => name === undefined || tier === name)
  if (asked.length === 0) {
    const what = name === undefined ? 'no model' : `no tier ${name}`
    throw new CliExit(EXIT.notFound, `This environment has ${what}: see LLM_CASCADE_FILE.`)
  }
  await using database = await openRecord(context)
  const budget = openModelBudget({
    database,
    actor: 'cli',
    payer: { tenantId: DEFAULT_TENANT, agentId: 'default', campaignId: null, goal: null },
  })
  const report: RouterTest = { tiers: [] }
  for (const tier of asked) report.tiers.push(await testTier(tier, config, budget))
  print(report, options, context)
  if (report.tiers.some(({ ok }) => !ok)) throw new CliExit(EXIT.failed)
}

async function testTier(
  name: string,
  config: Parameters<typeof openModel>[0],
  budget: ModelBudget,
): Promise<RouterTest['tiers'][number]> {
  let decision: Decision | undefined
  const model = openModel(config, budget, {
    only: name,
    onDecision: (made) => void (decision = made),
  })
  const told = await model
    ?.complete({
      instructions: 'Answer with {"word": "ready"} and nothing else.',
      parts: [],
      schema: Word,
      asked: { tenantId: DEFAULT_TENANT, goalId: 'router-test' },
    })
    .then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof ChimeraError) return error
        throw error
      },
    )
  return {
    name,
    model: model?.name ?? name,
    ok: told === undefined,
    ms: Math.round(decision?.ms ?? 0),
    usd: usdText(decision?.usdMicros ?? 0n),
    code: told?.code ?? null,
    detail: told?.message ?? null,
  }
}

function print(report: RouterTest, options: { json?: boolean }, context: CliContext): void {
  if (options.json === true) return context.out(printableJson(report))
  const rows = report.tiers.map(({ name, model, ok, ms, usd, code }) => [
    name,
    model,
    ok ? 'answers' : code,
    ms,
    usd,
  ])
  for (const line of renderTable(['tier', 'model', 'it', 'ms', 'USD'], rows)) context.out(line)
}
