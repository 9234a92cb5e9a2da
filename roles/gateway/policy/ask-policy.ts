import { TerminalError } from '@chimera/contracts/errors'
import { Uuid } from '@chimera/contracts/ids'
import { PolicyRequest } from '@chimera/contracts/policy/policy-request'
import { diffPolicies } from '@chimera/domain/policy/diff-policies'
import { evaluatePolicy } from '@chimera/domain/policy/evaluate-policy'
import { explainPolicy } from '@chimera/domain/policy/explain-policy'
import { type PastRequest, simulatePolicy } from '@chimera/domain/policy/simulate-policy'
import type { Sql } from '@chimera/infra/database/open-database'
import {
  findDecision,
  listDecisions,
  type PastDecision,
} from '@chimera/infra/database/policies/find-decisions'
import { z } from 'zod'

import { checkPolicy, compiledFrom, showPolicy } from './policy-in-force.ts'

/** Requests of one call. */
const MAX_REQUESTS = 1_000
const Source = z.string().min(1).max(200_000)
const Version = z.int().nonnegative()

/** By a text, a version, or the one in force when neither is said. */
const ByWhich = { source: Source.optional(), version: Version.optional() }

export const LintBody = z.strictObject({ source: Source })
export const DiffBody = z.strictObject({ source: Source, version: Version.optional() })
export const EvaluateBody = z.strictObject({
  ...ByWhich,
  requests: z.array(PolicyRequest).min(1).max(MAX_REQUESTS),
})
export const ExplainBody = z
  .strictObject({ ...ByWhich, effect: Uuid.optional(), request: PolicyRequest.optional() })
  .refine((body) => (body.effect === undefined) !== (body.request === undefined), {
    error: 'names an effect or a request, one of them',
  })
export const SimulateBody = z.strictObject({
  source: Source,
  days: z.number().positive().max(366).default(31),
})

type Of<T extends z.ZodType> = { sql: Sql; tenantId: string; body: z.infer<T> }

/** What is wrong with a text, and what is strange. Throws POLICY_INVALID. */
export const lint = ({ source }: z.infer<typeof LintBody>) => {
  const { document, findings } = checkPolicy(source)
  return { name: document.name, rules: document.rules.length, findings }
}

/** What a text would change of a version. */
export async function diff({ sql, tenantId, body }: Of<typeof DiffBody>) {
  const { document } = checkPolicy(body.source)
  const before = await showPolicy(sql, { tenantId, version: body.version })
  return { version: before.version, changes: diffPolicies(before.document, document) }
}

/** Decisions on imagined requests. */
export async function evaluate({ sql, tenantId, body }: Of<typeof EvaluateBody>) {
  const policy = await chosen(sql, tenantId, body)
  return { decisions: body.requests.map((request) => evaluatePolicy(policy, request)) }
}

/**
 * How every rule came out: of an imagined request, or of an effect's as it was decided then, by the
 * version of then unless another is named.
 */
export async function explain({ sql, tenantId, body }: Of<typeof ExplainBody>) {
  if (body.request !== undefined) {
    return explainPolicy(await chosen(sql, tenantId, body), body.request)
  }
  const effectId = body.effect ?? ''
  const past = await findDecision(sql, { tenantId, effectId })
  if (past === undefined) {
    throw new TerminalError('DECISION_NOT_FOUND', `No decision on the effect ${effectId} is kept.`)
  }
  const version = body.version ?? Number(past.policy.split('@').at(-1))
  const policy = await chosen(sql, tenantId, { ...body, version })
  const { decision, code, rules, policy: by, createdAt, state } = past
  return {
    effect: past.effectId,
    state,
    decided: { decision, code, rules, policy: by, at: createdAt.toISOString() },
    request: past.request,
    ...explainPolicy(policy, past.request),
  }
}

/** The decisions of some days, decided again by a text. */
export async function simulate({ sql, tenantId, body }: Of<typeof SimulateBody>) {
  const { document } = checkPolicy(body.source)
  const past = await listDecisions(sql, { tenantId, days: body.days })
  return { days: body.days, ...simulatePolicy(compiledFrom(document), past.map(pastRequest)) }
}

async function chosen(
  sql: Sql,
  tenantId: string,
  of: { source?: string | undefined; version?: number | undefined },
) {
  if (of.source !== undefined) return compiledFrom(checkPolicy(of.source).document)
  const { document, version } = await showPolicy(sql, { tenantId, version: of.version })
  return compiledFrom(document, version)
}

/** Effects that windows count: they happened, may have, or are about to. */
const COUNTED = new Set(['GRANTED', 'UNKNOWN', 'NEEDS_HUMAN', 'CONFIRMED'])

const pastRequest = (past: PastDecision): PastRequest => ({
  id: past.effectId,
  request: past.request,
  before: past.decision,
  rules: past.rules,
  happened: COUNTED.has(past.state),
})
