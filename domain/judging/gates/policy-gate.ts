import { policyDecision } from '../policy-of-effect.ts'
import type { Gate } from './gate.ts'

const MAX_REASON = 1_000

/**
 * The tenant's policy votes (design.md section 6): deny by default, and no policy that can be read
 * denies as well. The reason names the rules.
 */
export const policyGate: Gate = ({ attempt, effect, account, scene }) => {
  if (scene.policy === undefined) {
    const reason = 'No policy of the tenant can be read, so nothing is allowed.'
    return [{ gate: 'policy', vote: 'deny', code: 'POLICY_UNAVAILABLE', reason }]
  }
  const asked = { attempt, effect, account: account.account }
  const said = policyDecision(asked, scene, scene.policy)
  const reason = `${said.policy ?? 'policy'} ${said.reason}`.slice(0, MAX_REASON)
  const { code } = said
  switch (said.decision) {
    case 'deny':
      return [{ gate: 'policy', vote: 'deny', code, reason }]
    case 'require_approval':
      return [{ gate: 'policy', vote: 'needs_person', code, reason }]
    case 'allow':
      return [{ gate: 'policy', vote: 'allow', code, reason }]
  }
}
