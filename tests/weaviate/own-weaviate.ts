/** A Weaviate of one test, whose faults nobody else has to live with. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openWeaviate } from '@chimera/infra/stack/weaviate-server'
import { findWeaviateBinary } from '@chimera/infra/stack/weaviate/weaviate-binary'

import { whyNoWeaviate } from '../memory/memory-rig.ts'

/** Where it is, and the process to be killed and stopped. */
export type OwnWeaviate = AsyncDisposable &
  Readonly<{
    url: string
    grpcUrl: string
    apiKey: string
    pid: () => number
    /** Where its data are. */
    folder: string
  }>

/** Why there is no program that a test may kill; nothing when there is one. */
export async function whyNoOwnWeaviate(): Promise<string | undefined> {
  const why = whyNoWeaviate()
  if (why !== undefined) return why
  const binary = await findWeaviateBinary(process.env['PATH'] ?? '')
  return binary === undefined ? 'the Weaviate of these tests cannot be stopped' : undefined
}

/**
 * Starts one and waits until it answers.
 *
 * @param of.prepare - what has to be done to the folder of its data first, undone after its end
 */
export async function openOwnWeaviate(
  of: { prepare?: (folder: string) => Disposable } = {},
): Promise<OwnWeaviate> {
  const binary = await findWeaviateBinary(process.env['PATH'] ?? '')
  if (binary === undefined) throw new Error('There is no Weaviate on this machine.')
  await using opening = new AsyncDisposableStack()
  const stateDir = mkdtempSync(join(tmpdir(), 'own-weaviate-'))
  opening.defer(() => rmSync(stateDir, { recursive: true, force: true, maxRetries: 5 }))
  const folder = join(stateDir, 'weaviate', 'data')
  if (of.prepare !== undefined) opening.use(of.prepare(folder))
  const server = opening.use(await openWeaviate({ stateDir, binary }))
  await server.ready()
  const { url, grpcUrl, apiKey } = server
  const open = opening.move()
  return {
    url,
    grpcUrl,
    apiKey,
    pid: () => Number(readFileSync(join(stateDir, 'weaviate', 'weaviate.pid'), 'utf8')),
    folder,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
