/** What tests of backup and restore need: a stack, folders beside it, questions to its record. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { restore } from '@chimera/cli/commands/backup/restore'
import { BackupManifest } from '@chimera/infra/backup/manifest'
import type { RestoreSteps } from '@chimera/infra/backup/restore-backup'
import { RestoreReport } from '@chimera/infra/backup/restore-report'
import { inject } from 'vitest'
import { z } from 'zod'

import { eventually, openStackRig, type Ran, type StackRig } from '../../e2e/stack-rig.ts'
import { connect } from '../../integration/backup-rig.ts'

/** Short times: a fault that is waited out in production takes 15 minutes. */
const SHORT = {
  LEASE_MS: '2000',
  TWEET_COOLDOWN_MS: '50',
  TWEET_ABSENCE_MS: '1500',
  TWEET_SEND_TIMEOUT_MS: '1000',
}

const Printed = RestoreReport.extend({ kept_as: z.string() })
export type Printed = z.infer<typeof Printed>

export type RestoreRig = AsyncDisposable & {
  readonly rig: StackRig
  readonly databaseUrl: string
  /** A name below a folder that goes with the rig. */
  folder(name: string): string
  /** Asks the record, over a connection that is gone afterwards: a restore takes it away. */
  ask<Row extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  backup(name: string, ...args: string[]): Promise<BackupManifest>
  down(): Promise<void>
  up(): Promise<void>
  restore(name: string, ...args: string[]): Promise<Printed>
  /** A restore composed of other steps, in this process. */
  restoreWith(steps: RestoreSteps, name: string, withLedgers?: boolean): Promise<Printed>
}

export async function openRestoreRig(env: Record<string, string> = {}): Promise<RestoreRig> {
  await using stack = new AsyncDisposableStack()
  const scratch = mkdtempSync(join(tmpdir(), 'chimera-backup-'))
  stack.defer(() => rmSync(scratch, { recursive: true, force: true }))
  const rig = await openStackRig({ env: { ...SHORT, ...env } })
  const databaseUrl = (await rig.report()).urls.postgres
  stack.defer(() => dropKept(databaseUrl))
  stack.use(rig)
  const environment = {
    CHIMERA_STATE_DIR: rig.stateDir,
    DATABASE_URL: databaseUrl,
    GOALS_FROM_STREAM: 'owner',
  }
  const well = (ran: Ran): Ran => {
    if (ran.code === 0) return ran
    throw new Error(`exit ${ran.code}: ${ran.stderr}`)
  }
  const folder = (name: string) => join(scratch, name)
  const ask: RestoreRig['ask'] = async (text, values = []) => {
    await using record = connect(databaseUrl)
    return await record.query({ text, values })
  }
  const opened = async () => {
    const rows = await ask(`SELECT FROM tool_accounts WHERE state IN ('open', 'fenced')`)
    return rows.length === 1 ? true : undefined
  }
  const open = stack.move()
  const ready: RestoreRig = {
    rig,
    databaseUrl,
    folder,
    ask,
    backup: async (name, ...args) =>
      BackupManifest.parse(
        JSON.parse(well(await rig.cli('backup', folder(name), '--json', ...args)).stdout),
      ),
    restore: async (name, ...args) =>
      Printed.parse(
        JSON.parse(well(await rig.cli('restore', folder(name), '--yes', '--json', ...args)).stdout),
      ),
    restoreWith: async (steps, name, withLedgers = false) => {
      const out: string[] = []
      const context = {
        env: environment,
        out: (line: string) => void out.push(line),
        err: () => {},
      }
      await restore(folder(name), { yes: true, json: true, withLedgers }, context, steps)
      return Printed.parse(JSON.parse(out.join('')))
    },
    down: rig.down,
    up: async () => {
      await rig.up()
      await eventually(opened, 30_000, 'the tool server has said hello')
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
  await eventually(opened, 30_000, 'the tool server opens')
  return ready
}

/** What restores kept of the databases of before. */
async function dropKept(databaseUrl: string): Promise<void> {
  const name = new URL(databaseUrl).pathname.slice(1)
  await using server = connect(inject('databaseUrl'))
  const kept = await server.query<{ datname: string }>({
    text: `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`,
    values: [`${name}_before_`],
  })
  for (const { datname } of kept) await server.query({ text: `DROP DATABASE "${datname}"` })
}

/** States of all effects, counted. */
export async function effectStates(of: RestoreRig): Promise<Record<string, number>> {
  const rows = await of.ask<{ state: string; n: number }>(
    'SELECT state, count(*)::int AS n FROM effects GROUP BY state ORDER BY state',
  )
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]))
}
