import { type Checked, checkHistory } from '../checker/check-history.ts'
import type { GoalSeen, Intent, ProviderLine } from '../checker/history.ts'

/**
 * The same check, account by account: what an agent wanted may be seen by the X of its own account
 * and by no other. There it is unexpected, and at home it is missing.
 *
 * @param of.agents - who was to do a goal; the others belong to the account without an agent
 */
export function checkAccounts(of: {
  intents: readonly Intent[]
  agents: ReadonlyMap<string, string | undefined>
  providers: readonly { agent: string | undefined; lines: readonly ProviderLine[] }[]
  goals: ReadonlyMap<string, GoalSeen>
}): Checked {
  const named = new Set(of.providers.map(({ agent }) => agent))
  const homeOf = ({ goalId }: Intent): string | undefined => {
    const agent = of.agents.get(goalId)
    return named.has(agent) ? agent : undefined
  }
  const checked = of.providers.map(({ agent, lines: provider }) => {
    const intents = of.intents.filter((intent) => homeOf(intent) === agent)
    return checkHistory({ intents, provider, goals: of.goals })
  })
  const sum = (name: keyof Checked['counts']): number =>
    checked.reduce((so, { counts }) => so + counts[name], 0)
  return {
    findings: checked.flatMap(({ findings }) => findings),
    counts: {
      accepted: sum('accepted'),
      completed: sum('completed'),
      confirmed: sum('confirmed'),
      failedHonestly: sum('failedHonestly'),
    },
  }
}
