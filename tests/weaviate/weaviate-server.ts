import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openWeaviate } from '@chimera/infra/stack/weaviate-server'
import { findWeaviateBinary } from '@chimera/infra/stack/weaviate/weaviate-binary'
import type { TestProject } from 'vitest/node'

/** Where the Weaviate of the tests is, or why there is none. */
export type TestWeaviate =
  | { url: string; grpcUrl: string; apiKey: string | undefined }
  | { missing: string }

const HOW = 'set WEAVIATE_URL, put weaviate-server on the PATH, or let ./chimera test build it'

/**
 * Global set-up of the tests of Weaviate, which read it with `inject('weaviate')`: the one that
 * WEAVIATE_URL names, else a private one, for the program that there is. Where there is none they
 * are skipped, and the summary says why.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = process.env['CHIMERA_TEST_NO_WEAVIATE']
  // The product refuses CHIMERA_ variables it does not know, and tests start the product.
  delete process.env['CHIMERA_TEST_NO_WEAVIATE']
  await using stack = new AsyncDisposableStack()
  project.provide('weaviate', await open(stack, missing))
  const opened = stack.move()
  return () => opened.disposeAsync()
}

async function open(
  stack: AsyncDisposableStack,
  missing: string | undefined,
): Promise<TestWeaviate> {
  const named = findNamed()
  if (named !== undefined) return named
  const binary = await findWeaviateBinary(process.env['PATH'] ?? '')
  if (binary === undefined) return { missing: missing ?? HOW }
  const stateDir = await mkdtemp(join(tmpdir(), 'chimera-weaviate-'))
  stack.defer(() => rm(stateDir, { recursive: true, force: true, maxRetries: 5 }))
  const server = stack.use(await openWeaviate({ stateDir, binary }))
  await server.ready()
  const { url, grpcUrl, apiKey } = server
  return { url, grpcUrl, apiKey }
}

function findNamed(): TestWeaviate | undefined {
  const {
    WEAVIATE_URL: url = '',
    WEAVIATE_GRPC_URL: grpcUrl = 'http://127.0.0.1:50051',
    WEAVIATE_API_KEY: apiKey,
  } = process.env
  return url === '' ? undefined : { url, grpcUrl, apiKey }
}

declare module 'vitest' {
  interface ProvidedContext {
    weaviate: TestWeaviate
    /** The implementations of the memory that a project tries. */
    memories: ('postgres' | 'weaviate')[]
  }
}
