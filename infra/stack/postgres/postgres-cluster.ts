import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { RetryableError } from '@chimera/contracts/errors'

import type { StackLog } from '../stack-log.ts'
import { readStackRecord, updateStackRecord } from '../stack-record.ts'
import type { StateDirPaths } from '../state-dir.ts'
import {
  findIdentity,
  findPostgresBinaries,
  giveTo,
  isReachableByOthers,
  type Identity,
} from './postgres-binaries.ts'

/** A data folder that is ready to be served, and what serves it. */
export type Cluster = Readonly<{
  base: string
  data: string
  binaries: string
  identity: Identity | undefined
}>

/**
 * Where root keeps what nobody has to reach when the state directory itself is closed to others.
 */
const OPEN_BASE = '/var/lib/chimera'

/** Finds or makes the cluster of a state directory, with the database `chimera` in it. */
export async function prepareCluster(options: {
  paths: StateDirPaths
  password: string
  log: StackLog
}): Promise<Cluster> {
  const identity = await findIdentity()
  const base = await findBase(options.paths, identity)
  const binaries = await findPostgresBinaries({ base, identity, log: options.log })
  const data = path.join(base, 'data')
  const cluster = { base, data, binaries, identity }
  if (!(await exists(path.join(data, 'PG_VERSION'))))
    await createCluster({ cluster, password: options.password, log: options.log })
  return cluster
}

async function findBase(paths: StateDirPaths, identity: Identity | undefined): Promise<string> {
  if (identity === undefined || (await isReachableByOthers(paths.postgres))) return paths.postgres
  const known = readStackRecord(paths.root).postgres_base
  if (known !== undefined && (await exists(known))) return known
  const base = path.join(OPEN_BASE, randomBytes(8).toString('hex'))
  await mkdir(base, { recursive: true })
  await chmod(OPEN_BASE, 0o711)
  await chmod(base, 0o711)
  updateStackRecord(paths.root, (record) => ({ ...record, postgres_base: base }))
  return base
}

/**
 * Makes the cluster under a name that counts for nothing and renames it when it is whole: an
 * interrupted initdb leaves a folder that looks like a cluster and is none.
 */
async function createCluster(options: {
  cluster: Cluster
  password: string
  log: StackLog
}): Promise<void> {
  const { base, data, binaries, identity } = options.cluster
  options.log('creating the PostgreSQL database (once)')
  const fresh = path.join(base, 'data.fresh')
  const passwordFile = path.join(base, 'password.fresh')
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o700 })
  await giveTo(identity, fresh)
  await rm(passwordFile, { force: true })
  await writeFile(passwordFile, options.password, { mode: 0o600 })
  await giveTo(identity, passwordFile)
  try {
    await finish(options.cluster, path.join(binaries, 'bin', 'initdb'), [
      `--pgdata=${fresh}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ])
    await finish(
      options.cluster,
      path.join(binaries, 'bin', 'postgres'),
      ['--single', '-D', fresh, 'postgres'],
      'CREATE DATABASE chimera\n',
    )
    await rename(fresh, data)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

async function finish(
  cluster: Cluster,
  command: string,
  args: readonly string[],
  input = '',
): Promise<void> {
  const child = spawn(command, args, {
    cwd: cluster.base,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(cluster.identity === undefined ? {} : cluster.identity),
  })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')))
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const status = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(signal ?? String(code)))
  })
  if (status === '0') return
  throw new RetryableError(
    'UNAVAILABLE',
    `${path.basename(command)} ended with ${status}: ${said.join('').slice(-1500).trim()}`,
  )
}

async function exists(target: string): Promise<boolean> {
  return access(target).then(
    () => true,
    () => false,
  )
}
