import { OpinionAnswer, type OpinionView } from '@chimera/contracts/judging/opinion'

/** An opinion beside the result that it is about, as JSON of the record. */
export type OpinionRow = { asked: number; answer: unknown; answered_at: string | null }

/** What people see of it; null where no model was asked. */
export function opinionViewOf(row: OpinionRow | null): OpinionView | null {
  if (row === null) return null
  const { asked, answered_at: at } = row
  const answered_at = at === null ? null : new Date(at).toISOString()
  const nothing = { asked, answered_at, model: null, opinion: null, failure: null }
  if (row.answer === null) return nothing
  const answer = OpinionAnswer.parse(row.answer)
  return 'call' in answer
    ? { ...nothing, model: answer.call.model, opinion: answer.call.output }
    : { ...nothing, failure: answer.failure }
}
