import { ChimeraError } from '@chimera/contracts/errors'
import { loadConfig } from '@chimera/runtime/config'
import { openLog } from '@chimera/runtime/log'

import { hasMemories } from '../../database/memories/has-memories.ts'
import { openDatabase } from '../../database/open-database.ts'
import type { Environment } from '../process-environment.ts'
import type { StackLog } from '../stack-log.ts'
import { readStackRecord, updateStackRecord } from '../stack-record.ts'
import { openWeaviate, type WeaviateServer } from '../weaviate-server.ts'
import { findWeaviateBinary, WEAVIATE_PROGRAM } from './weaviate-binary.ts'
import { buildWeaviate } from './weaviate-build.ts'

/** Where the memories of a stack are; the server is there when the stack runs it. */
export type StackMemory = Readonly<
  | { backend: 'weaviate'; url: string; server?: WeaviateServer }
  | { backend: 'postgres'; reason: string }
>

/**
 * Decides where memories are kept, in this order: WEAVIATE_URL; a server of the search path or of
 * `.chimera/bin`; one that Go builds, when WEAVIATE_SERVER is `on`; else PostgreSQL, with the
 * reason. Memories do not move: whoever has some in PostgreSQL keeps them there until Weaviate is
 * asked for by name, and who began with Weaviate stays with it.
 */
export async function openStackMemory(options: {
  stateDir: string
  env: Environment
  databaseUrl: string
  log: StackLog
  signal?: AbortSignal
}): Promise<StackMemory> {
  const { stateDir, env, databaseUrl } = options
  const { WEAVIATE_URL: url, WEAVIATE_SERVER: wish } = loadConfig(['memory'], env)
  if (url !== undefined) return { backend: 'weaviate', url }
  if (wish === 'off') return inPostgres('WEAVIATE_SERVER is off')
  const found = await findServer({ ...options, isWanted: wish === 'on' })
  const isKnown = readStackRecord(stateDir).memory === 'weaviate'
  if ('missing' in found) {
    const before = isKnown ? '; what was remembered in Weaviate before is not recalled' : ''
    return inPostgres(`${found.missing}${before}`)
  }
  if (wish !== 'on' && !isKnown && (await isKeptInPostgres(databaseUrl))) {
    return inPostgres('memories are there already; ./chimera up --weaviate begins anew in Weaviate')
  }
  const server = await openWeaviate({ stateDir, binary: found.binary })
  if (!isKnown) updateStackRecord(stateDir, (record) => ({ ...record, memory: 'weaviate' }))
  return { backend: 'weaviate', url: server.url, server }
}

const inPostgres = (reason: string): StackMemory => ({ backend: 'postgres', reason })

async function findServer(of: {
  env: Environment
  log: StackLog
  signal?: AbortSignal
  isWanted: boolean
}): Promise<{ binary: string } | { missing: string }> {
  const binary = await findWeaviateBinary(of.env['PATH'] ?? '')
  if (binary !== undefined) return { binary }
  if (!of.isWanted)
    return { missing: `no ${WEAVIATE_PROGRAM} was found; ./chimera up --weaviate builds one` }
  try {
    return { binary: await buildWeaviate(of) }
  } catch (error) {
    // Called off, or a fault of our own: neither is a reason to go on with another memory.
    if (!(error instanceof ChimeraError) || error.kind !== 'retryable') throw error
    of.log(`${error.message} Memories are kept in PostgreSQL.`)
    return { missing: error.message }
  }
}

async function isKeptInPostgres(databaseUrl: string): Promise<boolean> {
  const log = openLog({ name: 'supervisor', level: 'silent' })
  await using database = openDatabase({ url: databaseUrl, name: 'supervisor', log, max: 1 })
  return await hasMemories(database)
}
