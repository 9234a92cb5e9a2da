import { readFile } from 'node:fs/promises'

import { loadConfig } from '@chimera/runtime/config'

import { openEmbedder } from '../memory/embedding/open-embedder.ts'
import type { MemoryStore } from '../memory/memory-store.ts'
import { weaviateAddress } from '../memory/open-memory.ts'
import { openWeaviateMemory } from '../memory/weaviate/weaviate-memory.ts'
import type { Environment } from '../stack/process-environment.ts'
import { readStackRecord } from '../stack/stack-record.ts'
import { stateDirPaths } from '../stack/state-dir.ts'
import { openWeaviate } from '../stack/weaviate-server.ts'
import { findWeaviateBinary } from '../stack/weaviate/weaviate-binary.ts'

/** A way to memories that are not in the record, or why there is none. */
export type OutsideMemory = Readonly<{ list: MemoryStore['list'] } | { missing: string }>

/** One page of a backup is asked for again and again: it may take longer than a prompt's answer. */
const TIMEOUT_MS = 30_000

/**
 * The Weaviate that has a stack's memories: the one that WEAVIATE_URL names, else the stack's own,
 * which is started where the stack does not run; nothing where the record has them all. Both are
 * given back with `stack`.
 */
export async function openOutsideMemory(of: {
  stateDir: string
  env: Environment
  isRunning: boolean
  stack: AsyncDisposableStack
}): Promise<OutsideMemory | undefined> {
  const { env, stateDir, stack } = of
  const config = loadConfig(['memory'], env)
  const embedder = openEmbedder(config)
  const open = (address: { url: string; grpcUrl: string; apiKey: string | undefined }) =>
    stack.use(openWeaviateMemory({ ...address, timeoutMs: TIMEOUT_MS, embedder }))
  if (config.WEAVIATE_URL !== undefined) return open(weaviateAddress(config, config.WEAVIATE_URL))
  const record = readStackRecord(stateDir)
  if (record.memory !== 'weaviate') return undefined
  if (of.isRunning) {
    const urlOf = (name: string) => `http://127.0.0.1:${record.ports[`weaviate.${name}`] ?? 0}`
    const key = await readFile(stateDirPaths(stateDir).keyFiles.weaviateKey, 'utf8')
    return open({ url: urlOf('http'), grpcUrl: urlOf('grpc'), apiKey: key.trim() })
  }
  const binary = await findWeaviateBinary(env['PATH'] ?? '')
  if (binary === undefined) return { missing: 'the Weaviate that has them is not here any more' }
  const server = stack.use(await openWeaviate({ stateDir, binary }))
  await server.ready()
  return open(server)
}
