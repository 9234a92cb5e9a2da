import type { Attempt, EffectScene } from '@chimera/domain/judging/attempt'
import type { LoadedScene } from '@chimera/infra/database/judging/load-scene'

const NOTHING: EffectScene = {
  slots: new Map(),
  rounds: new Map(),
  accounts: new Map(),
  isStopped: () => false,
  hasRoom: () => true,
}

/** The part of a batch's scene that concerns one attempt. */
export function sceneFor(
  attempt: Attempt,
  scene: LoadedScene | undefined,
  hasRoom: EffectScene['hasRoom'],
): EffectScene {
  if (scene === undefined) return NOTHING
  const isOurs = (row: { tenantId: string; goalId: string }) =>
    row.tenantId === attempt.tenantId && row.goalId === attempt.goalId
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
    hasRoom,
  }
}

/** Every fence scope that covers an attempt on an account (design.md section 5, Stop). */
export function scopesOf(attempt: Attempt, account: string): string[] {
  const { agentId, campaignId } = attempt.goal
  return [
    'everything',
    `tenant:${attempt.tenantId}`,
    `agent:${agentId}`,
    ...(campaignId === null ? [] : [`campaign:${campaignId}`]),
    `goal:${attempt.goalId}`,
    `tool:${account}`,
  ]
}

/** Counts the grants of a batch on top of those that are out already. */
export function openRoom(
  scene: LoadedScene | undefined,
  maxGranted: number,
): {
  has: EffectScene['hasRoom']
  take(account: string): void
} {
  const granted = new Map(
    (scene?.bindings ?? []).map(({ account }) => [account.account, account.granted]),
  )
  return {
    has: (account) => (granted.get(account) ?? 0) < maxGranted,
    take: (account) => void granted.set(account, (granted.get(account) ?? 0) + 1),
  }
}
