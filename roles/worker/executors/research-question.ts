import type { Evidence } from '@chimera/contracts/task-result'
import type { RecordSearch } from '@chimera/infra/database/tasks/search-record'

import { defineExecutor } from './executor.ts'

/**
 * Queries over two thousand rows take well under a second; more means that the record is in
 * trouble.
 */
const TIMEOUT_MS = 20_000
/** They share the Worker's few database connections with claims and commits. */
const CONCURRENCY = 2
/** Evidence.detail takes no more. */
const MAX_DETAIL = 2_000

/**
 * Answers from what the tenant's own record holds, without a model: earlier goals and results
 * that speak of the question's words, best match first. It quotes and never composes; nothing
 * found is said so.
 */
export const researchQuestion = defineExecutor({
  kind: 'research.question',
  timeoutMs: TIMEOUT_MS,
  concurrency: CONCURRENCY,
  async execute({ payload, searchRecord }) {
    const search = await searchRecord(payload.question)
    return {
      // It is certain that this is what the record holds, whether or not it answers the question.
      confidence: 1,
      artifacts: [
        {
          name: 'findings',
          media_type: 'application/json',
          content: {
            question: payload.question,
            summary: summaryOf(search),
            findings: search.findings,
          },
        },
      ],
      evidence: [searched(search), ...search.findings.map(found)],
      proposed_effects: [],
    }
  },
})

function summaryOf({ findings, terms }: RecordSearch): string {
  if (terms.length === 0) return 'The question holds no word that can be searched for.'
  if (findings.length === 0) return 'Nothing in the record speaks of this.'
  return findings.length === 1
    ? 'One place in the record.'
    : `${findings.length} places in the record.`
}

function searched({ terms, goals, results }: RecordSearch): Evidence {
  const words = terms.length === 0 ? 'no word' : terms.join(', ')
  return {
    source: 'record',
    detail: `Searched ${goals} goals and ${results} results of this tenant for: ${words}`.slice(
      0,
      MAX_DETAIL,
    ),
  }
}

const found = ({ source, id, excerpt }: RecordSearch['findings'][number]): Evidence => ({
  source: `${source} ${id}`,
  detail: excerpt.slice(0, MAX_DETAIL),
})
