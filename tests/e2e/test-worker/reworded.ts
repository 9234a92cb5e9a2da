import type { Pointer } from '@chimera/contracts/judging/provenance'
import type { PayloadOf } from '@chimera/worker/executors/executor'

type Words = { readonly text: string; readonly origin: Record<string, Pointer> }

/** The same tweet without its last word: still the owner's own, and other bytes. */
export function reworded({ text, origin }: PayloadOf<'tweet.post'>): Words {
  const source = origin['/text']
  if (source?.source !== 'goal' || source.span === undefined) return { text, origin }
  const shorter = text.slice(0, text.lastIndexOf(' '))
  const [from] = source.span
  const pointer: Pointer = { ...source, span: [from, from + shorter.length] }
  return { text: shorter, origin: { ...origin, '/text': pointer } }
}
