import { readFileSync, renameSync, writeFileSync } from 'node:fs'

import { z } from 'zod'

import { stateDirPaths } from './state-dir.ts'

/** What a state directory remembers from one start to the next (`stack.json`). */
export const StackRecord = z.strictObject({
  /** Port by process name; asked for again at the next start. */
  ports: z.record(z.string(), z.number().int().min(1).max(65_535)).default({}),
  /** Set when `<state_dir>/supervisor.sock` would be longer than a socket path may be. */
  control_socket: z.string().optional(),
  /** Set for the same reason. */
  redis_socket: z.string().optional(),
  /** Set when a Weaviate of this stack has memories. */
  memory: z.literal('weaviate').optional(),
  /** Set when nobody, as whom PostgreSQL runs under root, cannot reach the state directory. */
  postgres_base: z.string().optional(),
})
export type StackRecord = z.infer<typeof StackRecord>

/** The record, or an empty one when there is none yet. Throws on a file that is not a record. */
export function readStackRecord(root: string): StackRecord {
  let text: string
  try {
    text = readFileSync(stateDirPaths(root).stackFile, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return StackRecord.parse({})
    throw error
  }
  return StackRecord.parse(JSON.parse(text))
}

/**
 * Writes whole or not at all: the file is renamed into its place. Synchronous, so that two servers
 * opened side by side by one process cannot lose each other's change.
 */
export function updateStackRecord(
  root: string,
  change: (record: StackRecord) => StackRecord,
): StackRecord {
  const file = stateDirPaths(root).stackFile
  const next = change(readStackRecord(root))
  const fresh = `${file}.${process.pid}`
  writeFileSync(fresh, `${JSON.stringify(next, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, file)
  return next
}

/** Remembers the port of one process. */
export function rememberPort(root: string, name: string, port: number): void {
  updateStackRecord(root, (record) => ({ ...record, ports: { ...record.ports, [name]: port } }))
}
