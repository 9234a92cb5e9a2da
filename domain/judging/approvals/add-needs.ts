import { MAX_APPROVERS, type Needs, type Vote } from '@chimera/contracts/judging/verdict'

/** What several votes ask of people together: the most approvers, and the strictest rule. */
export function addNeeds(votes: readonly Vote[]): Needs {
  const all = votes.map(({ needs }) => needs ?? { approvers: 1, not_requester: false })
  return {
    approvers: Math.min(MAX_APPROVERS, Math.max(1, ...all.map(({ approvers }) => approvers))),
    not_requester: all.some(({ not_requester: strict }) => strict),
  }
}
