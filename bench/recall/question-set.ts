import { readFileSync } from 'node:fs'

import { z } from 'zod'

/** What a text of the set may hold. */
const Text = z.string().min(10).max(400)

/**
 * Questions, each with the one memory that answers it, and memories that answer none of them but
 * share their words. Every answer stands in the way of all other questions.
 */
const QuestionSet = z.strictObject({
  pairs: z.array(z.strictObject({ question: Text, answer: Text })).min(1),
  distractors: z.array(Text),
})
export type QuestionSet = z.infer<typeof QuestionSet>

/** Reads the set beside this file. Throws when two memories of it are the same. */
export function loadQuestionSet(): QuestionSet {
  const text = readFileSync(new URL('questions.json', import.meta.url), 'utf8')
  const set = QuestionSet.parse(JSON.parse(text))
  const memories = [...set.pairs.map(({ answer }) => answer), ...set.distractors]
  if (new Set(memories).size < memories.length) throw new Error('The set has a memory twice.')
  return set
}
