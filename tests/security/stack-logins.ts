/** How the processes of a real stack have logged in to its record. */
import { readFileSync } from 'node:fs'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { expect } from 'vitest'

import type { FaultRig } from '../faults/fault-rig.ts'
import { waysUp } from './ways-up.ts'

/** Processes that connect to the record; the Keeper has a connection for its locks alone. */
const PROCESSES = ['planner', 'worker', 'judge', 'keeper', 'keeper-locks', 'gateway'] as const

type Role = (typeof PROCESSES)[number]

const ROLE_NAMES: ReadonlySet<string> = new Set(PROCESSES)

/** The URL in the key file of a role's processes. */
export function urlOfRole({ rig }: FaultRig, role: Role): string {
  const { gatewayDatabaseUrl, swarmDatabaseUrl } = stateDirPaths(rig.stateDir).keyFiles
  const file = role === 'gateway' ? gatewayDatabaseUrl : swarmDatabaseUrl
  return readFileSync(file, 'utf8').trim()
}

/**
 * That every process has logged in as the user of `urlOf`, knows no other way to the record, and
 * that on this way nobody sees another tenant's row.
 */
export async function expectNoProcessUp(
  faults: FaultRig,
  urlOf: (role: Role) => string,
): Promise<void> {
  const { rig, record } = faults
  const { roles, urls } = await rig.report()
  const owner = new URL(urls.postgres)
  await record.query({
    text: `INSERT INTO tenants (id, name) VALUES ($1, 'another')`,
    values: [newId()],
  })
  const faultsFound: string[] = []
  for (const role of PROCESSES) {
    const url = urlOf(role)
    const used = await record.query<{ usename: string }>({
      text: `SELECT DISTINCT usename FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = $1`,
      values: [`chimera-${role}`],
    })
    // An idle process may have let its connections go; locks need theirs.
    if (role === 'keeper-locks' && used.length === 0) faultsFound.push('nobody holds the locks')
    for (const { usename } of used) {
      if (usename !== new URL(url).username) faultsFound.push(`${role} is logged in as ${usename}`)
    }
    const found = await waysUp({
      url,
      role: role === 'gateway' ? 'chimera_gateway' : 'chimera_swarm',
      owner: owner.username,
      own: DEFAULT_TENANT,
    })
    faultsFound.push(...found.map((fault) => `${role}: ${fault}`))
  }
  for (const { name, pid } of roles) {
    if (pid === null || !ROLE_NAMES.has(name) || process.platform !== 'linux') continue
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    expect(environment).toContain('DATABASE_URL_FILE=')
    for (const secret of [owner.password, new URL(urlOfRole(faults, 'worker')).password]) {
      expect(`${environment}${words}`).not.toContain(secret)
    }
  }
  expect(faultsFound).toEqual([])
}
