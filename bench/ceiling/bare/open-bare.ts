import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Database } from '@chimera/infra/database/open-database'

import { endProcess, type LineProcess, openLineProcess } from '../../processes/line-process.ts'
import { readProcess } from '../../processes/process-table.ts'
import { BARE_ROLES, type BareSettings } from './bare-settings.ts'

/** The three roles of a bare pipeline, running. */
export type BarePipeline = AsyncDisposable &
  Readonly<{
    /** Seconds of CPU that each role has used so far. */
    cpu: () => Promise<Record<string, number>>
    /** Throws what a role said last, when one has ended. */
    check: () => void
  }>

const READY_WITHIN_MS = 60_000
const END_WITHIN_MS = 5_000

/** Makes the tables and the functions of a bare pipeline, anew. */
export async function createBareSchema(
  database: Database,
  pipeline: BareSettings['pipeline'],
): Promise<void> {
  const text = readFileSync(join(import.meta.dirname, 'moves.sql'), 'utf8')
  await database.query({ text: text.replaceAll(/\bbare\b/g, pipeline) })
}

/** Starts one process for each role. */
export async function openBarePipeline(
  of: Omit<BareSettings, 'role'> & { env: Readonly<Record<string, string | undefined>> },
): Promise<BarePipeline> {
  const { env, ...settings } = of
  await using opening = new AsyncDisposableStack()
  const roles = await Promise.all(
    BARE_ROLES.map(async (role) => {
      const started = await startRole({ ...settings, role }, env)
      // Its standard input ends with the bench's own death, too: nothing is left behind.
      opening.defer(() =>
        endProcess(started.child, () => started.child.kill('SIGTERM'), END_WITHIN_MS),
      )
      return started
    }),
  )
  const open = opening.move()
  return {
    cpu: async () => {
      const rows = roles.map(async ({ role, child }) => {
        const row = child.pid === undefined ? undefined : await readProcess(child.pid)
        return [role, row?.cpu_s ?? 0] as const
      })
      return Object.fromEntries(await Promise.all(rows))
    },
    check: () => {
      const dead = roles.find((one) => one.hasEnded())
      if (dead !== undefined)
        throw new Error(`The bare ${dead.role} has ended: ${dead.child.lastWords()}`)
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

type Started = { role: BareSettings['role']; child: LineProcess; hasEnded: () => boolean }

async function startRole(
  settings: BareSettings,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Started> {
  const ready = Promise.withResolvers<void>()
  const child = openLineProcess({
    command: process.execPath,
    args: [join(import.meta.dirname, 'bare-role.ts'), JSON.stringify(settings)],
    cwd: import.meta.dirname,
    env,
    onLine: (line) => {
      if (line === 'ready') ready.resolve()
    },
  })
  let hasEnded = false
  const watch = async (): Promise<void> => {
    await child.ended
    hasEnded = true
    ready.reject(new Error(`The bare ${settings.role} does not start: ${child.lastWords()}`))
  }
  void watch()
  const late = setTimeout(() => {
    ready.reject(new Error(`The bare ${settings.role} is not ready: ${child.lastWords()}`))
    child.kill('SIGKILL')
  }, READY_WITHIN_MS)
  await ready.promise.finally(() => clearTimeout(late))
  return { role: settings.role, child, hasEnded: () => hasEnded }
}
