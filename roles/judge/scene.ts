import { DEFAULT_PERSONA_NAME } from '@chimera/contracts/judging/persona'
import { fenceScope } from '@chimera/contracts/tenancy/fence-scope'
import type { ApprovalCheck } from '@chimera/domain/judging/approvals/approval-checks'
import type { Attempt, EffectScene } from '@chimera/domain/judging/attempt'
import type { Gate } from '@chimera/domain/judging/gates/gate'
import { openRegistry, type Registry } from '@chimera/domain/judging/registry'
import { personaInUse, type PersonaInUse } from '@chimera/domain/persona/default-persona'
import type { LoadedApproval } from '@chimera/infra/database/approvals/load-approvals'
import type { LoadedHouse } from '@chimera/infra/database/judging/load-house'
import type { LoadedScene } from '@chimera/infra/database/judging/load-scene'
import { levelFor } from '@chimera/infra/database/kill/read-kill'

import type { Policies } from './policies.ts'
import type { SaidInBatch } from './said-in-batch.ts'

/** What a tenant without a policy is judged by: nothing is granted. */
const NO_POLICY = 'none'

const NO_ROWS = openRegistry([])
const NOBODY = personaInUse({ name: DEFAULT_PERSONA_NAME, pinned: undefined })

const NOTHING = {
  slots: new Map(),
  rounds: new Map(),
  accounts: new Map(),
  isStopped: () => false,
  killLevel: undefined,
  waitsFor: () => undefined,
  policy: undefined,
  registry: NO_ROWS,
  persona: NOBODY,
  isRepeat: () => false,
}

/** What people were asked and said, what their word has to be to count, and who asks them. */
export type ApprovalScene = {
  readonly approvals: readonly LoadedApproval[]
  readonly checks: readonly ApprovalCheck[]
  readonly gates: readonly Gate[]
}

/** The part of a batch's scene that concerns one attempt. */
export function sceneFor(
  attempt: Attempt,
  scene: LoadedScene | undefined,
  of: ApprovalScene & {
    waitsFor: EffectScene['waitsFor']
    policies: Policies | undefined
    said: SaidInBatch
    opinion?: EffectScene['opinion']
  },
): EffectScene {
  const isOurs = (row: { tenantId: string; goalId: string }) =>
    row.tenantId === attempt.tenantId && row.goalId === attempt.goalId
  const policy = of.policies?.sceneOf(attempt)
  const said = {
    approvals: of.approvals.filter(isOurs),
    approvalChecks: of.checks,
    gates: of.gates,
    policyVersion: policy?.compiled.name ?? NO_POLICY,
  }
  if (scene === undefined) return { ...NOTHING, ...said }
  const accounts: [string, LoadedScene['bindings'][number]['account']][] = []
  // An agent's own binding comes last and so wins over the tenant's.
  for (const agent of ['*', attempt.goal.agentId]) {
    for (const row of scene.bindings) {
      if (row.tenantId === attempt.tenantId && row.agentId === agent) {
        accounts.push([row.tool, row.account])
      }
    }
  }
  return {
    slots: new Map(scene.slots.filter(isOurs).map(({ slot, tool }) => [slot, tool])),
    rounds: Map.groupBy(scene.rounds.filter(isOurs), ({ slot }) => slot),
    accounts: new Map(accounts),
    isStopped: (account) =>
      scopesOf(attempt, account).some((scope) => scene.fences.get(scope)?.stopped === true),
    killLevel: levelFor(scene.kill, attempt.tenantId),
    waitsFor: of.waitsFor,
    policy,
    registry: registryOf(attempt.tenantId, scene.house),
    persona: personaOf(attempt.taskId, scene.house),
    isRepeat: (slot, account) =>
      scene.house.repeats.has(`${attempt.goalId} ${slot} ${account}`) ||
      of.said.has(attempt, slot, account),
    opinion: of.opinion,
    ...said,
  }
}

const registries = new WeakMap<object, Registry>()

/** Opened once for a batch, however many of its attempts lean on it. */
function registryOf(tenantId: string, house: LoadedHouse): Registry {
  const entries = house.registries.get(tenantId)
  if (entries === undefined) return NO_ROWS
  const opened = registries.get(entries) ?? openRegistry(entries)
  registries.set(entries, opened)
  return opened
}

/** The persona that the task names; nothing pinned under its name means the default one. */
function personaOf(taskId: string, house: LoadedHouse): PersonaInUse {
  const voice = house.personas.get(taskId)
  return voice === undefined ? NOBODY : personaInUse(voice)
}

/** Every fence scope that covers an attempt on an account (design.md section 5, Stop). */
export function scopesOf(attempt: Attempt, account: string): string[] {
  const { tenantId: tenant, goalId } = attempt
  const { agentId, campaignId } = attempt.goal
  return [
    'everything',
    fenceScope('tenant', { tenant, id: tenant }),
    fenceScope('agent', { tenant, id: agentId }),
    ...(campaignId === null ? [] : [fenceScope('campaign', { tenant, id: campaignId })]),
    fenceScope('goal', { tenant, id: goalId }),
    `tool:${account}`,
  ]
}

/**
 * Counts the grants of a batch on top of those that are out already. A tool that keeps cooldowns
 * gets one at a time: the next would only be told to wait.
 */
export function openRoom(
  scene: LoadedScene | undefined,
  maxGranted: number,
): {
  waitsFor: EffectScene['waitsFor']
  take(account: string, tool: string): void
} {
  const granted = new Map<string, number>()
  const oneAtATime = new Set<string>()
  const keyOf = (account: string, tool: string): string => `${account} ${tool}`
  for (const { tool, account } of scene?.bindings ?? []) {
    const key = keyOf(account.account, tool)
    granted.set(account.account, account.granted).set(key, account.grantedOfTool)
    if (account.cooldown !== null) oneAtATime.add(key)
  }
  const countOf = (key: string): number => granted.get(key) ?? 0
  return {
    waitsFor: (account, tool) => {
      if (countOf(account) >= maxGranted) return account
      const key = keyOf(account, tool)
      return oneAtATime.has(key) && countOf(key) > 0 ? key : undefined
    },
    take: (account, tool) => {
      for (const key of [account, keyOf(account, tool)]) granted.set(key, countOf(key) + 1)
    },
  }
}
