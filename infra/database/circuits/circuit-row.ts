import { CLOSED, type Circuit, type CircuitState } from '../../llm/circuits/circuit.ts'
import { type Sql, write } from '../open-database.ts'

/** Whose circuit it is: enough to make its row at the first fault. */
export type CircuitKey = Readonly<{
  id: string
  name: string
  provider: string
  label: string
  model: string
}>

/** A circuit, and what time it is in the record. */
export type CircuitAt = Readonly<{ circuit: Circuit; nowMs: number }>

type Row = {
  state: CircuitState
  failures: number
  successes: number
  open_until: Date | null
  cool_until: Date | null
  probe: string | null
  probe_until: Date | null
  reason: string | null
  actor: string
  now: Date
}

const COLUMNS = `state, failures, successes, open_until, cool_until, probe, probe_until, reason,
  actor, clock_timestamp() AS now`

/** A circuit without a row is closed: nothing has ever gone wrong in it. */
export async function findCircuit(sql: Sql, id: string): Promise<CircuitAt> {
  const [row] = await sql.query<Row>({
    name: 'find-circuit',
    text: `SELECT ${COLUMNS} FROM model_circuits WHERE id = $1`,
    values: [id],
  })
  return row === undefined ? { circuit: CLOSED, nowMs: 0 } : circuitAt(row)
}

/** The same, held until the transaction ends. */
export async function lockCircuit(tx: Sql, key: CircuitKey): Promise<CircuitAt> {
  await write(tx, {
    name: 'enter-circuit',
    text: `INSERT INTO model_circuits (id, name, provider, label, model)
      VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    values: [key.id, key.name, key.provider, key.label, key.model],
  })
  const [row] = await tx.query<Row>({
    name: 'lock-circuit',
    text: `SELECT ${COLUMNS} FROM model_circuits WHERE id = $1 FOR UPDATE`,
    values: [key.id],
  })
  if (row === undefined) throw new Error(`The circuit ${key.id} was forgotten meanwhile.`)
  return circuitAt(row)
}

/** Writes a circuit whose row is locked. */
export async function writeCircuit(tx: Sql, id: string, circuit: Circuit): Promise<void> {
  const time = (ms: number | null): Date | null => (ms === null ? null : new Date(ms))
  await write(tx, {
    name: 'write-circuit',
    text: `UPDATE model_circuits SET changed_at = CASE WHEN state = $2 THEN changed_at
          ELSE clock_timestamp() END,
        state = $2, failures = $3, successes = $4, open_until = $5, cool_until = $6, probe = $7,
        probe_until = $8, reason = $9, actor = $10
      WHERE id = $1`,
    values: [
      id,
      circuit.state,
      circuit.failures,
      circuit.successes,
      time(circuit.openUntilMs),
      time(circuit.coolUntilMs),
      circuit.probe,
      time(circuit.probeUntilMs),
      circuit.reason,
      circuit.actor,
    ],
  })
}

function circuitAt(row: Row): CircuitAt {
  return {
    nowMs: row.now.getTime(),
    circuit: {
      state: row.state,
      failures: row.failures,
      successes: row.successes,
      openUntilMs: row.open_until?.getTime() ?? null,
      coolUntilMs: row.cool_until?.getTime() ?? null,
      probe: row.probe,
      probeUntilMs: row.probe_until?.getTime() ?? null,
      reason: row.reason,
      actor: row.actor,
    },
  }
}
