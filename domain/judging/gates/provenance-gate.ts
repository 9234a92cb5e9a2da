import type { Vote } from '@chimera/contracts/judging/verdict'
import { isToolName, TOOLS } from '@chimera/contracts/tools'

import { editsOf } from '../approvals/edited-proposal.ts'
import type { Attempt, EffectScene } from '../attempt.ts'
import { checkProvenance, type Sources } from '../provenance.ts'
import { strangeDestinations } from '../strange-destinations.ts'
import type { Gate } from './gate.ts'

/** Enough for a person to see what it is about. */
const MAX_NAMED = 5

/**
 * An argument that is not what its pointer says is denied. Strangers' words need a person, and so
 * does a text that leads where neither the owner's words nor the registry lead.
 */
export const provenanceGate: Gate = ({ attempt, effect, scene }) => {
  const sources = sourcesOf(attempt, scene)
  const { labels, mismatches } = checkProvenance(effect, sources)
  const [first] = mismatches
  if (first !== undefined) {
    const reason = `Argument ${first.argument}: ${first.reason}.`
    return [{ gate: 'provenance', vote: 'deny', code: 'PROVENANCE_MISMATCH', reason }]
  }
  const votes: Vote[] = []
  const untrusted = Object.keys(labels).filter((argument) => labels[argument] === 'untrusted')
  if (untrusted.length > 0) {
    const names = untrusted.slice(0, MAX_NAMED).join(', ')
    votes.push(needsPerson(`Words of strangers, or made of them, are in ${names}.`))
  }
  const texts = isToolName(effect.tool) ? TOOLS[effect.tool].textArguments : []
  for (const name of texts) {
    const text = effect.args[name]
    // The owner's own words, verbatim, may lead anywhere: that is what was asked for.
    if (typeof text !== 'string' || labels[`/${name}`] === 'owner') continue
    const strange = strangeDestinations(text, sources, scene.registry)
    if (strange.length === 0) continue
    const where = strange.slice(0, MAX_NAMED).map(({ kind, canonical }) => `${kind} ${canonical}`)
    const more = strange.length > MAX_NAMED ? ` and ${strange.length - MAX_NAMED} more` : ''
    const reason = `/${name} leads where neither the owner nor the registry does: `
    votes.push(needsPerson((reason + where.join(', ') + more).slice(0, 900)))
  }
  return votes
}

/** Without the approvals nobody has edited anything, and what a person wrote is untrusted. */
type ProvenanceScene = Pick<EffectScene, 'registry'> & Partial<Pick<EffectScene, 'approvals'>>

/** What the pointers of an attempt's effects can be followed into. */
export function sourcesOf(attempt: Attempt, scene: ProvenanceScene): Sources {
  const { outcome } = attempt
  const result = outcome.outcome === 'result' ? outcome.result : undefined
  return {
    goal: attempt.goal.content,
    trust: attempt.goal.trust,
    registry: scene.registry,
    readings: result?.readings ?? [],
    modelCalls: result?.model_calls ?? [],
    ...(attempt.memories === undefined ? {} : { memories: attempt.memories }),
    edits: editsOf(scene.approvals ?? []),
  }
}

const needsPerson = (reason: string): Vote => ({
  gate: 'provenance',
  vote: 'needs_person',
  code: 'NEEDS_APPROVAL',
  reason,
})
