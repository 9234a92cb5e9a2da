import type { ProposedEffect } from '@chimera/contracts/effect'
import type { PolicyDecision, PolicyRequest } from '@chimera/contracts/policy/policy-request'
import type { Prices } from '@chimera/domain/budget/usd-worth'
import { editedProposal } from '@chimera/domain/judging/approvals/edited-proposal'
import type { Attempt, AttemptDecision, EffectScene } from '@chimera/domain/judging/attempt'
import { keyOfProposal } from '@chimera/domain/judging/key-of-proposal'
import {
  policyRequest,
  type PolicyScene,
  windowsFor,
} from '@chimera/domain/judging/policy-of-effect'
import { toolsOf } from '@chimera/domain/policy/actions'
import { canonicalRequest } from '@chimera/domain/policy/canonical-request'
import { evaluatePolicy, neededWindows } from '@chimera/domain/policy/evaluate-policy'
import { ownShare, subjectOf, windowKey, type WindowQuery } from '@chimera/domain/policy/windows'
import type { LoadedScene } from '@chimera/infra/database/judging/load-scene'
import type { Sql } from '@chimera/infra/database/open-database'
import { lockPolicyVersions } from '@chimera/infra/database/policies/load-policies'
import { lockWindows, readWindows } from '@chimera/infra/database/policies/read-windows'
import { type DecisionRow, writeDecisions } from '@chimera/infra/database/policies/write-decisions'

import { compiledPolicy } from './compiled-policy.ts'
import { StaleSceneError } from './stale-scene.ts'

/** A decided attempt of the batch, with the scene that it was judged in. */
type Decided = {
  readonly attempt: Attempt
  readonly decision: AttemptDecision
  readonly scene: EffectScene
}

/** What the policy said of one proposed effect. */
type Said = {
  readonly request: PolicyRequest
  readonly decision: PolicyDecision
  readonly version: number
}

type WrittenRound = { readonly effectId: string; readonly taskId: string; readonly slot: string }

/**
 * The policies in force for one batch of attempts, and what their windows hold: read once for the
 * batch, counted up as the batch grants, and looked at again in the granting transaction.
 */
export class Policies {
  readonly #scene: LoadedScene
  /** Windows that any attempt of the batch depends on, by key, and the keys of each attempt. */
  readonly #queries: ReadonlyMap<string, WindowQuery>
  readonly #keys: ReadonlyMap<string, readonly string[]>
  /** What the record holds in them (null: nobody can say), and what the batch adds. */
  #held: ReadonlyMap<string, bigint | null>
  readonly #taken = new Map<string, bigint>()
  /** By task and slot. */
  readonly #said = new Map<string, Said>()

  private constructor(
    scene: LoadedScene,
    keys: ReadonlyMap<string, readonly string[]>,
    queries: ReadonlyMap<string, WindowQuery>,
    held: ReadonlyMap<string, bigint | null>,
  ) {
    this.#scene = scene
    this.#keys = keys
    this.#queries = queries
    this.#held = held
  }

  /**
   * Reads what the policies of the attempts' tenants want to know of their proposals as people
   * have edited them: one query for all windows.
   */
  static async open(
    sql: Sql,
    attempts: readonly Attempt[],
    of: { scene: LoadedScene; approvals: EffectScene['approvals'] },
  ): Promise<Policies> {
    const { scene, approvals } = of
    const queries = new Map<string, WindowQuery>()
    const keys = new Map<string, string[]>()
    for (const attempt of attempts) {
      const loaded = scene.policies.find(({ tenantId }) => tenantId === attempt.tenantId)
      const policy = loaded === undefined ? undefined : compiledPolicy(loaded)
      if (policy === undefined) continue
      const needed = proposedBy(attempt).flatMap((effect) =>
        neededWindows(policy, requestOf(scene, attempt, { effect, approvals })),
      )
      for (const query of needed) queries.set(windowKey(query), query)
      keys.set(attempt.taskId, needed.map(windowKey))
    }
    const held = await readWindows(sql, [...queries].map(countedOf))
    return new Policies(scene, keys, queries, held)
  }

  /** The policy that an attempt is judged by now, after what the batch has taken so far. */
  sceneOf(attempt: Attempt): PolicyScene | undefined {
    const loaded = this.#scene.policies.find(({ tenantId }) => tenantId === attempt.tenantId)
    const compiled = loaded === undefined ? undefined : compiledPolicy(loaded)
    if (compiled === undefined) return undefined
    return {
      compiled,
      ...frameOf(this.#scene, attempt),
      windowValue: (window, subject) =>
        this.#valueOf(windowKey({ tenant: attempt.tenantId, subject, window })),
    }
  }

  /** By what an attempt's budget turns money into dollars. */
  readonly pricesOf = (attempt: Attempt): Prices | undefined => {
    const policy = this.sceneOf(attempt)
    if (policy === undefined) return undefined
    const { nowMs, priceOf, compiled } = policy
    return { nowMs, priceOf, maxAgeMs: compiled.priceMaxAgeMs }
  }

  /**
   * Remembers what was said of an attempt, and counts what it is about to be granted, so that the
   * next one of the batch sees it.
   */
  take({ attempt, decision, scene }: Decided): void {
    // The rounds, not the proposals: a person may have edited what was proposed.
    for (const { slot, tool, args, provenance, state } of decision.rounds) {
      const said = this.#decide(attempt, { slot, tool, args, provenance }, scene)
      if (said === undefined) continue
      this.#said.set(`${attempt.taskId} ${slot}`, said)
      if (state === 'GRANTED') this.#count(attempt.tenantId, said.request)
    }
  }

  /**
   * In the granting transaction: the versions are locked and still those that were judged by; the
   * windows are locked, and what was allowed is allowed by what they hold now. Throws
   * StaleSceneError.
   */
  async assertFresh(tx: Sql, granting: readonly Decided[]): Promise<void> {
    const tenants = granting.map(({ attempt }) => attempt.tenantId)
    const versions = await lockPolicyVersions(tx, tenants)
    for (const { tenantId, version } of this.#scene.policies) {
      if (tenants.includes(tenantId) && versions.get(tenantId) !== version) {
        throw new StaleSceneError(`policy of ${tenantId}`)
      }
    }
    const keys = new Set(granting.flatMap(({ attempt }) => this.#keys.get(attempt.taskId) ?? []))
    if (keys.size === 0) return
    await lockWindows(tx, [...keys])
    const locked = [...this.#queries].filter(([key]) => keys.has(key))
    const now = await readWindows(tx, locked.map(countedOf))
    if ([...now].every(([key, value]) => value === this.#held.get(key))) return
    this.#held = new Map([...this.#held, ...now])
    this.#taken.clear()
    for (const decided of granting) {
      const before = new Map(this.#said)
      this.take(decided)
      for (const { slot, state } of decided.decision.rounds) {
        const key = `${decided.attempt.taskId} ${slot}`
        const isSame = this.#said.get(key)?.decision.decision === before.get(key)?.decision.decision
        if (state === 'GRANTED' && !isSame) {
          throw new StaleSceneError(`window of ${decided.attempt.tenantId}`)
        }
      }
    }
  }

  /** Writes down what was said of the rounds, in the transaction that writes them. */
  async record(tx: Sql, rounds: readonly WrittenRound[]): Promise<void> {
    const rows = rounds.flatMap(({ effectId, taskId, slot }) => {
      const said = this.#said.get(`${taskId} ${slot}`)
      return said === undefined ? [] : [rowOf(effectId, said)]
    })
    await writeDecisions(tx, rows)
  }

  #valueOf(key: string): bigint | undefined {
    const held = this.#held.get(key) ?? undefined
    return held === undefined ? undefined : held + (this.#taken.get(key) ?? 0n)
  }

  #decide(attempt: Attempt, effect: ProposedEffect, scene: EffectScene): Said | undefined {
    const { policy } = scene
    const loaded = this.#scene.policies.find(({ tenantId }) => tenantId === attempt.tenantId)
    if (policy === undefined || loaded === undefined) return undefined
    const account = scene.accounts.get(effect.tool)?.account ?? ''
    const asking = { attempt, effect, account }
    const asked = policyRequest(asking, policy, scene.registry, scene.approvals)
    const valueOf = windowsFor(asking, scene, policy)
    const windows = Object.fromEntries(
      neededWindows(policy.compiled, asked).flatMap(({ window, subject }) => {
        const value = valueOf(window, subject)
        return value === undefined ? [] : [[window.name, value.toString()]]
      }),
    )
    const request = { ...asked, windows }
    const decision = evaluatePolicy(policy.compiled, request, valueOf)
    return { request, decision, version: loaded.version }
  }

  #count(tenantId: string, request: PolicyRequest): void {
    const canonical = canonicalRequest(request)
    if ('fault' in canonical) return
    for (const [key, { tenant, subject, window }] of this.#queries) {
      if (tenant !== tenantId || subjectOf(window.per, canonical) !== subject) continue
      const own = ownShare(window, canonical) ?? 0n
      this.#taken.set(key, (this.#taken.get(key) ?? 0n) + own)
    }
  }
}

function rowOf(effectId: string, { request, decision, version }: Said): DecisionRow {
  const canonical = canonicalRequest(request)
  const facts = 'fault' in canonical ? undefined : canonical
  return {
    effectId,
    tenantId: request.tenant,
    version,
    decision,
    request,
    asset: facts?.asset ?? null,
    amount: facts?.amount ?? null,
    usdMicros: facts?.usdMicros ?? null,
    recipient: facts?.recipient ?? null,
  }
}

function proposedBy({ outcome }: Attempt): readonly ProposedEffect[] {
  return outcome.outcome === 'result' ? outcome.result.proposed_effects : []
}

const frameOf = (scene: LoadedScene, { tenantId }: Attempt) => ({
  nowMs: scene.nowMs,
  priceOf: (asset: string) =>
    scene.prices.find((one) => one.tenantId === tenantId && one.asset === asset),
})

/** Without its label: which windows it needs does not depend on that. */
function requestOf(
  scene: LoadedScene,
  attempt: Attempt,
  proposed: { effect: ProposedEffect; approvals: EffectScene['approvals'] },
): PolicyRequest {
  const account = accountOf(scene, attempt, proposed.effect.tool)
  const key = keyOfProposal(attempt, proposed.effect, account)
  const effect = editedProposal(proposed.effect, { key, approvals: proposed.approvals })
  return policyRequest({ attempt, effect, account }, frameOf(scene, attempt), undefined)
}

/** The account that the agent's own binding names, else the tenant's; '' where there is none. */
function accountOf({ bindings }: LoadedScene, attempt: Attempt, tool: string): string {
  const boundTo = (agent: string): string | undefined =>
    bindings.find(
      (row) => row.tenantId === attempt.tenantId && row.agentId === agent && row.tool === tool,
    )?.account.account
  return boundTo(attempt.goal.agentId) ?? boundTo('*') ?? ''
}

const countedOf = ([key, { tenant, subject, window }]: readonly [string, WindowQuery]) => ({
  key,
  tenantId: tenant,
  measure: window.measure,
  per: window.per,
  subject,
  seconds: window.seconds,
  tools: toolsOf(window.actions),
})
