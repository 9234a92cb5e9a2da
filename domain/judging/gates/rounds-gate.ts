import type { Vote } from '@chimera/contracts/judging/verdict'

import type { Gate } from './gate.ts'

/** Real tries (sent, and then not there) that one slot gets before a person has to look. */
const MAX_TRIES = 5
/** Rounds of one slot in all, cooldowns and stops counted; the bound of a grant's closed_rounds. */
const MAX_ROUNDS = 1_000

/** A slot does not get rounds for ever. */
export const roundsGate: Gate = ({ rounds }) => {
  const exhausted = (reason: string): Vote => ({
    gate: 'slot',
    vote: 'deny',
    code: 'ATTEMPTS_EXHAUSTED',
    reason,
  })
  const votes: Vote[] = []
  if (rounds.filter(({ state }) => state === 'NOT_HAPPENED').length >= MAX_TRIES) {
    votes.push(exhausted(`The provider lost this effect ${MAX_TRIES} times.`))
  }
  if (rounds.length >= MAX_ROUNDS) {
    votes.push(exhausted(`The slot has had ${MAX_ROUNDS} rounds.`))
  }
  return votes
}
