import { DeniedError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'

import { findPayer, type Payer } from '../database/budgets/find-payer.ts'
import { reserveModelCall, settleModelCall } from '../database/budgets/model-spend.ts'
import type { Database } from '../database/open-database.ts'
import { openTenantDatabase } from '../database/tenant-database.ts'
import { costOf, type MostUsed, type Price } from './cascade/price.ts'

/** For whom a model is asked: whose budgets pay. */
export type AskedFor = Readonly<{ tenantId: string; goalId: string }>

/** What it did take; what a server does not tell is undefined. */
export type Used = Readonly<{ input: number | undefined; output: number | undefined }>

/** A request that is paid for; exactly one of these ends it. */
export type PaidRequest = Readonly<{
  /** By what the server says it used; what it does not say counts in full. */
  answered: (used: Used) => Promise<void>
  /** It is certain that nothing was spent: it was refused before any work, or it never left. */
  refused: () => Promise<void>
}>

/** One request, at the most that it can take. */
export type PlannedRequest = Readonly<{
  asked: AskedFor
  model: string
  most: MostUsed
  price: Price
  timeoutMs: number
}>

/** Holds every request to a model before it is sent. */
export type ModelBudget = Readonly<{
  /** Throws DeniedError (BUDGET_EXHAUSTED): then nothing may be sent. */
  reserve: (of: PlannedRequest) => Promise<PaidRequest>
}>

/** Beyond its time-out a request has this long to be settled; then all of it is spent. */
const SETTLES_WITHIN_MS = 30_000

/**
 * Budgets of the record: each request is reserved under a lease at the most that it can take, and
 * settled by its usage. Who dies in between leaves a reservation that the Keeper settles in full.
 * Each request sees the rows of the tenant that it is made for, and no others.
 */
export function openModelBudget(of: {
  database: Database
  actor: string
  /** Who pays for what no goal asked for; goals pay for themselves without it. */
  payer?: Payer
}): ModelBudget {
  const { actor } = of
  const database = openTenantDatabase(of.database)
  return {
    async reserve({ asked, model, most, price, timeoutMs }) {
      const counted = (used: MostUsed) => ({
        tokens: BigInt(used.input + used.output),
        usdMicros: costOf(used, price),
      })
      const scope = { tenantIds: [asked.tenantId] }
      const payer = of.payer ?? (await database.as(scope, () => findPayer(database, asked)))
      if (payer === undefined) {
        const message = `Nobody pays for ${model}: there is no goal ${asked.goalId}.`
        throw new DeniedError('BUDGET_EXHAUSTED', message)
      }
      const id = newId()
      const leaseMs = timeoutMs + SETTLES_WITHIN_MS
      const call = { ...payer, ...counted(most), id, model, leaseMs, actor }
      const full = await database.as(scope, () => reserveModelCall(database, call))
      if (full !== undefined) {
        const { scopeId, asset, used, cap, asked: wanted } = full
        const message =
          `The budget of ${full.scope} ${scopeId} holds no further call of ${model}: ` +
          `${used} of ${cap} base units of ${asset} are used, ${wanted} more are needed.`
        throw new DeniedError('BUDGET_EXHAUSTED', message)
      }
      const settle = async (used: MostUsed): Promise<void> =>
        void (await database.as(scope, () => settleModelCall(database, { id, ...counted(used) })))
      return {
        answered: ({ input = most.input, output = most.output }) => settle({ input, output }),
        refused: () => settle({ input: 0, output: 0 }),
      }
    },
  }
}
