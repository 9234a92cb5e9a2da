import type { Gate } from './gate.ts'

/** A live goal acts on live accounts only, any other on simulated ones; dry goals act nowhere. */
export const modeGate: Gate = ({ attempt, account }) => {
  const { mode } = attempt.goal
  const fits = mode === 'dry' || (mode === 'live') === account.live
  if (fits) return []
  const kind = account.live ? 'live' : 'simulated'
  const reason = `A ${mode} goal may not act on ${account.account}, which is ${kind}.`
  return [{ gate: 'mode', vote: 'deny', code: 'MODE_FORBIDDEN', reason }]
}
