import type { Sql } from '../open-database.ts'
import { ITS_TURN } from './let-wait.ts'

/** An agent whose tasks wait for their turn. */
export type AgentQueue = {
  tenant_id: string
  agent_id: string
  waiting: number
  /** In the hands of Workers. */
  in_flight: number
  /** The first of them in words: a cap that holds them back, or that it is not their turn yet. */
  reason: string
}

/** More would not be read. */
const MOST_QUEUES = 100

/** Agents with tasks that wait for their turn, the most first; for a person now and then. */
export function listTurns(sql: Sql): Promise<AgentQueue[]> {
  return sql.query({
    text: `SELECT q.tenant_id, q.turn_agent AS agent_id, q.waiting,
        (SELECT count(*)::int FROM tasks t JOIN goals g
            ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
          WHERE t.status = 'IN_PROGRESS' AND t.tenant_id = q.tenant_id
            AND g.agent_id = q.turn_agent) AS in_flight, q.reason
      FROM (SELECT tenant_id, turn_agent, count(*)::int AS waiting,
          coalesce(max(waiting_on ->> 'reason')
            FILTER (WHERE waiting_on ->> 'reason' <> '${ITS_TURN}'),
            '${ITS_TURN}') AS reason
        FROM tasks WHERE phase = 'ready' AND turn IS NOT NULL
        GROUP BY tenant_id, turn_agent ORDER BY count(*) DESC LIMIT $1) AS q
      ORDER BY q.waiting DESC, q.tenant_id, q.turn_agent`,
    values: [MOST_QUEUES],
  })
}
