import type { Sql } from '../open-database.ts'

/** A place in the record that speaks of the question. */
export type Finding = Readonly<{
  source: 'goal' | 'result'
  /** The goal's or the task's id. */
  id: string
  /** Quoted, with the words found; never composed. */
  excerpt: string
  /** Higher is a better match. */
  rank: number
}>

/** What was searched for, in what, and what came of it. */
export type RecordSearch = Readonly<{
  /** The words that were searched for, as PostgreSQL reduced them; empty when there is none. */
  terms: readonly string[]
  goals: number
  results: number
  findings: readonly Finding[]
}>

/** Newest goals of the tenant that are looked through, with their results. */
const MAX_GOALS = 2_000
const MAX_RESULTS = 5_000
const MAX_FINDINGS = 20

/**
 * Searches one tenant's goals and the accepted results of their tasks for the words of a
 * question, by PostgreSQL's English full text. Any word is enough, better matches first. `goalId`
 * is the goal that asks and is left out.
 */
export async function searchRecord(
  sql: Sql,
  of: { tenantId: string; goalId: string; question: string },
): Promise<RecordSearch> {
  const [row] = await sql.query<{
    terms: string[] | null
    goals: string
    results: string
    findings: Finding[] | null
  }>({
    name: 'search-record',
    text: SEARCH,
    values: [of.tenantId, of.goalId, of.question, MAX_GOALS, MAX_RESULTS, MAX_FINDINGS],
  })
  return {
    terms: row?.terms ?? [],
    goals: Number(row?.goals ?? 0),
    results: Number(row?.results ?? 0),
    findings: row?.findings ?? [],
  }
}

const SEARCH = `WITH asked AS (
    SELECT tsvector_to_array(to_tsvector('english', $3)) AS terms,
      replace(plainto_tsquery('english', $3)::text, ' & ', ' | ')::tsquery AS query
  ), recent AS MATERIALIZED (
    SELECT id, received_at, coalesce(content ->> 'text', content ->> 'params', '') AS words
    FROM goals
    WHERE tenant_id = $1 AND id <> $2
    ORDER BY received_at DESC, id DESC LIMIT $4
  ), answered AS MATERIALIZED (
    SELECT t.id, coalesce(jsonb_path_query_array(r.outcome,
        '$.result.artifacts[*].content') #>> '{}', '') AS words
    FROM recent g
    JOIN tasks t ON t.tenant_id = $1 AND t.goal_id = g.id AND t.status = 'COMPLETED'
    JOIN task_results r ON r.task_id = t.id AND r.attempt = t.attempt
    WHERE t.kind <> 'research.question'
    ORDER BY g.received_at DESC, t.id LIMIT $5
  ), ranked AS (
    SELECT source, id, words, query, ts_rank(to_tsvector('english', words), query) AS rank
    FROM (SELECT 'goal' AS source, id, words FROM recent
      UNION ALL SELECT 'result', id::text, words FROM answered) AS places, asked
    WHERE to_tsvector('english', words) @@ query
    ORDER BY rank DESC, source, id LIMIT $6
  )
  SELECT asked.terms, (SELECT count(*) FROM recent) AS goals,
    (SELECT count(*) FROM answered) AS results,
    (SELECT jsonb_agg(jsonb_build_object('source', source, 'id', id, 'rank', rank,
        'excerpt', CASE WHEN length(words) <= 500 THEN words ELSE ts_headline('english', words,
          query, 'StartSel="", StopSel="", MaxFragments=3, MaxWords=40, MinWords=10') END)
        ORDER BY rank DESC, source, id)
      FROM ranked) AS findings
  FROM asked`
