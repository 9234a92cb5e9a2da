import type { Config } from '@chimera/contracts/config'
import type { Logger } from '@chimera/runtime/log'

import { addProviderMetrics, enterTiers } from '../database/circuits/provider-metrics.ts'
import type { Database } from '../database/open-database.ts'
import type { Publisher } from '../streams/publisher.ts'
import { decisionEvent, type Decision } from './cascade/decision.ts'
import { loadCascade } from './cascade/load-cascade.ts'
import { openMeter } from './cascade/meter.ts'
import { openRecordCircuits } from './circuits/record-circuits.ts'
import { openModelBudget } from './model-budget.ts'
import type { Model } from './model.ts'
import { openModel } from './open-model.ts'

/**
 * The cascade of a role: budgets and circuits of the record, figures in it, and every decision on
 * the feed. Undefined when there is no model; then nothing of the SDK is ever loaded.
 */
export async function openRoleModel(of: {
  config: Config<'llm'>
  database: Database
  publisher: Publisher
  actor: string
  log: Logger
}): Promise<(Model & AsyncDisposable) | undefined> {
  const { config, database, publisher, actor, log } = of
  const tiers = loadCascade(config)?.tiers
  if (tiers === undefined) return undefined
  await enterTiers(database, tiers)
  const meter = openMeter({ log, write: (counted) => addProviderMetrics(database, counted) })
  const announce = (decision: Decision): void => {
    const event = decisionEvent(decision)
    const publication = { stream: 'chimera:feed', payload: event, tenant: event.tenant } as const
    publisher.publish([publication]).catch((err: unknown) => {
      log.debug({ err }, 'a decision of the router is not on the feed')
    })
  }
  const model = openModel(config, openModelBudget({ database, actor }), {
    circuits: openRecordCircuits(database),
    meter,
    log,
    onDecision: announce,
  })
  if (model === undefined) return undefined
  return { ...model, [Symbol.asyncDispose]: () => meter[Symbol.asyncDispose]() }
}
