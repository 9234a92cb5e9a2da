import { checkProvenance } from '../provenance.ts'
import type { Gate } from './gate.ts'

/** An argument that is not what its pointer says is denied; what strangers said needs a person. */
export const provenanceGate: Gate = ({ attempt, effect }) => {
  const { label, mismatches } = checkProvenance(effect, {
    goal: attempt.goal.content,
    trust: attempt.goal.trust,
  })
  const [first] = mismatches
  if (first !== undefined) {
    const reason = `Argument ${first.argument}: ${first.reason}.`
    return [{ gate: 'provenance', vote: 'deny', code: 'PROVENANCE_MISMATCH', reason }]
  }
  if (label !== 'untrusted') return []
  const reason = 'Words of strangers leave the house only with a person, and there are none yet.'
  return [{ gate: 'approval', vote: 'needs_person', code: 'NEEDS_APPROVAL', reason }]
}
