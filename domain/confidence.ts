import { CONFIDENCE_PASS, CONFIDENCE_REJECT, type Vote } from '@chimera/contracts/judging/verdict'

/**
 * What confidence alone asks for (design.md section 6): above 0.90 may pass, 0.70 to 0.90 waits
 * for a person (exactly 0.90 and exactly 0.70 wait), below is rejected. It only ever adds a gate.
 * What is no number from 0 to 1 is rejected: the gate fails closed.
 */
export function confidenceVote(confidence: number): Vote {
  const gate = 'confidence'
  if (confidence > CONFIDENCE_PASS && confidence <= 1) {
    return { gate, vote: 'allow', reason: `Confidence ${confidence} is above ${CONFIDENCE_PASS}.` }
  }
  if (confidence >= CONFIDENCE_REJECT && confidence <= CONFIDENCE_PASS) {
    const reason = `Confidence ${confidence} is not above ${CONFIDENCE_PASS}.`
    return { gate, vote: 'needs_person', code: 'NEEDS_APPROVAL', reason }
  }
  const reason = `Confidence ${confidence} is not from ${CONFIDENCE_REJECT} to 1.`
  return { gate, vote: 'reject', code: 'CONFIDENCE_TOO_LOW', reason }
}
