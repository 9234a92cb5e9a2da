import { statfs } from 'node:fs/promises'
import { request } from 'node:http'

import { readMigrationStatus } from '@chimera/infra/database/migrate'
import { findStack } from '@chimera/infra/stack/control-client'
import { loadOutsideServers } from '@chimera/infra/stack/outside-servers'
import { findIdentity, findPostgresBinaries } from '@chimera/infra/stack/postgres/postgres-binaries'
import { findRedisBinary } from '@chimera/infra/stack/redis/redis-binary'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { prepareStateDir } from '@chimera/infra/stack/state-dir'
import { findGo } from '@chimera/infra/stack/weaviate/find-go'
import { findWeaviateBinary } from '@chimera/infra/stack/weaviate/weaviate-binary'
import { loadConfig } from '@chimera/runtime/config'

/** What one check found, and how to mend it. */
export type Finding = Readonly<{ name: string; isOk: boolean; detail: string; fix: string }>

type Machine = Readonly<{
  env: Readonly<Record<string, string | undefined>>
  stateDir: string
}>

type Check = Readonly<{
  name: string
  look: (machine: Machine) => Promise<Omit<Finding, 'name'>>
}>

/** A day of logs and ledgers fits in it many times; PostgreSQL stops hard when a disk is full. */
const LEAST_FREE_BYTES = 512 * 1024 * 1024

const notRunning = { isOk: true, detail: 'not running; ./chimera up starts it', fix: '' }

/** In the order in which one fault would cause the next. */
export const checks: readonly Check[] = [
  { name: 'node', look: lookAtNode },
  { name: 'environment', look: lookAtEnvironment },
  { name: 'state directory', look: lookAtStateDir },
  { name: 'disk space', look: lookAtDisk },
  { name: 'postgres binaries', look: lookAtPostgres },
  { name: 'redis binary', look: lookAtRedis },
  { name: 'weaviate', look: lookAtWeaviate },
  { name: 'stack', look: lookAtStack },
  { name: 'database', look: lookAtDatabase },
  { name: 'roles', look: lookAtRoles },
  { name: 'gateway', look: lookAtGateway },
]

async function lookAtNode(): Promise<Omit<Finding, 'name'>> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return Promise.resolve({
    isOk: major === 24 && minor >= 21,
    detail: `Node ${process.versions.node} on ${process.platform}-${process.arch}`,
    fix: 'start with ./chimera, which brings Node 24.21',
  })
}

async function lookAtEnvironment({ env }: Machine): Promise<Omit<Finding, 'name'>> {
  const outside = loadOutsideServers(env)
  const named = [
    outside.databaseUrl === undefined ? 'own PostgreSQL' : 'DATABASE_URL',
    outside.redisUrl === undefined ? 'own Redis' : 'REDIS_URL',
    `goals from the stream: ${outside.goalsFromStream}`,
  ]
  const armed = env['CHIMERA_CRASH_AT']
  return Promise.resolve({
    isOk: armed === undefined || armed === '',
    detail: armed ? `CHIMERA_CRASH_AT is ${armed}` : named.join(', '),
    fix: 'unset CHIMERA_CRASH_AT, unless a test means it',
  })
}

async function lookAtStateDir({ stateDir }: Machine): Promise<Omit<Finding, 'name'>> {
  await prepareStateDir(stateDir)
  return { isOk: true, detail: stateDir, fix: '' }
}

async function lookAtDisk({ stateDir }: Machine): Promise<Omit<Finding, 'name'>> {
  const disk = await statfs(stateDir)
  const free = disk.bavail * disk.bsize
  return {
    isOk: free >= LEAST_FREE_BYTES,
    detail: `${Math.round(free / 1024 / 1024)} MB free below ${stateDir}`,
    fix: 'free at least 512 MB, or set CHIMERA_STATE_DIR to another disk',
  }
}

async function lookAtPostgres({ stateDir, env }: Machine): Promise<Omit<Finding, 'name'>> {
  if (loadOutsideServers(env).databaseUrl !== undefined)
    return { isOk: true, detail: 'not needed: DATABASE_URL is set', fix: '' }
  const { postgres } = await prepareStateDir(stateDir)
  const identity = await findIdentity()
  const binaries = await findPostgresBinaries({ base: postgres, identity, log: () => undefined })
  return { isOk: true, detail: binaries, fix: '' }
}

async function lookAtRedis({ stateDir, env }: Machine): Promise<Omit<Finding, 'name'>> {
  if (loadOutsideServers(env).redisUrl !== undefined)
    return { isOk: true, detail: 'not needed: REDIS_URL is set', fix: '' }
  const { redis } = await prepareStateDir(stateDir)
  const binary = await findRedisBinary({
    searchPath: env['PATH'] ?? '',
    linkFolder: redis,
    install: false,
    log: () => undefined,
  })
  return { isOk: true, detail: `${binary.file} ${binary.version}`, fix: '' }
}

/** It may be missing: memories are in PostgreSQL then. */
async function lookAtWeaviate({ env }: Machine): Promise<Omit<Finding, 'name'>> {
  const found = (detail: string): Omit<Finding, 'name'> => ({ isOk: true, detail, fix: '' })
  const { WEAVIATE_URL: url, WEAVIATE_SERVER: wish } = loadConfig(['memory'], env)
  if (url !== undefined) return found('not needed: WEAVIATE_URL is set')
  if (wish === 'off') return found('not wanted: WEAVIATE_SERVER is off')
  const binary = await findWeaviateBinary(env['PATH'] ?? '')
  if (binary !== undefined) return found(binary)
  const go = await findGo(env)
  if (!('missing' in go))
    return found(`none; ./chimera up --weaviate builds one with Go ${go.version}`)
  return {
    isOk: wish !== 'on',
    detail: `none, and none can be built: ${go.missing}; memories are kept in PostgreSQL`,
    fix: 'install Go 1.26, or put weaviate-server 1.39 on the PATH, or set WEAVIATE_URL',
  }
}

async function lookAtStack({ stateDir }: Machine): Promise<Omit<Finding, 'name'>> {
  const report = await runningReport(stateDir)
  // Before the first `up` this is no fault of the machine.
  if (report === undefined) return notRunning
  return {
    isOk: report.state === 'running',
    detail: `is ${report.state}, supervisor ${report.pid}`,
    fix: 'wait a moment, then ./chimera logs',
  }
}

async function lookAtDatabase({ stateDir }: Machine): Promise<Omit<Finding, 'name'>> {
  const databaseUrl = (await runningReport(stateDir))?.urls.postgres ?? ''
  if (databaseUrl === '') return notRunning
  const { version, newest, pending } = await readMigrationStatus({ databaseUrl })
  return {
    isOk: pending.length === 0 && version === newest,
    detail: `at version ${version} of ${newest}`,
    fix: './chimera database migrate',
  }
}

async function lookAtRoles({ stateDir }: Machine): Promise<Omit<Finding, 'name'>> {
  const report = await runningReport(stateDir)
  if (report === undefined) return notRunning
  const away = report.roles.filter(({ state }) => state !== 'ready')
  const said = away.map(({ name, state, restarts }) => `${name} is ${state} (${restarts} restarts)`)
  return {
    isOk: away.length === 0,
    detail: said.join(', ') || report.roles.map(({ name }) => name).join(', '),
    fix: `./chimera logs ${away[0]?.name ?? ''}`,
  }
}

async function lookAtGateway({ stateDir }: Machine): Promise<Omit<Finding, 'name'>> {
  const url = (await runningReport(stateDir))?.urls.gateway ?? ''
  if (url === '') return notRunning
  const status = await new Promise<number>((resolve) => {
    const asked = request(`${url}/v1/goals`, { agent: false, timeout: 3000 }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(0))
    asked.end()
  })
  // Without a token it has to refuse.
  return {
    isOk: status === 401,
    detail: status === 0 ? `${url} does not answer` : `${url} answers ${status} without a token`,
    fix: './chimera logs gateway',
  }
}

async function runningReport(stateDir: string): Promise<StackReport | undefined> {
  return (await findStack(stateDir))?.report()
}
