import type { Gate } from './gate.ts'

/**
 * What of a campaign that is over, or is paused, leaves the house: nothing. A pause lets the whole
 * attempt wait before any gate votes; the vote here holds if that should ever be passed by.
 */
export const pauseGate: Gate = ({ attempt: { goal } }) => {
  if (goal.isCampaignCompleted) {
    const reason = `The campaign ${goal.campaignId ?? ''} is completed.`
    return [{ gate: 'pause', vote: 'deny', code: 'CAMPAIGN_COMPLETED', reason }]
  }
  if (goal.pausedBy === null) return []
  return [{ gate: 'pause', vote: 'wait', code: 'PAUSED', reason: `the ${goal.pausedBy} is paused` }]
}
