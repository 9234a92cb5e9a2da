/**
 * A process killed while it makes vectors anew: the next one goes on, the model is asked again for
 * the batch that was in hand and for nothing else, and no memory is lost or changed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'

import type { Memory } from '@chimera/contracts/judging/memory'
import { modelEmbedder } from '@chimera/infra/memory/embedding/model-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { afterAll, beforeAll, beforeEach, describe, expect, inject } from 'vitest'
import { z } from 'zod'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { machineEnvironment } from '../machine-environment.ts'
import {
  type MemoryRig,
  openPostgresRig,
  openWeaviateRig,
  whyNoWeaviate,
} from '../memory/memory-rig.ts'
import { sampleMemory } from '../memory/sample-memory.ts'
import { EmbeddingRequest, embeddings } from '../models/embed.ts'

const RIGS = { postgres: openPostgresRig, weaviate: openWeaviateRig }
const PROCESS = join(import.meta.dirname, '..', 'memory', 're-embed-process.ts')
const n = sampleSize({ ci: 60, full: 2_000 })
const kills = 3
/** No more than one request to the model has, or a process would die within its first step. */
const limit = Math.min(Math.ceil(n / 6), 32)
const timeoutMs = 120_000 + 60 * n

describe.each(inject('memories'))('whoever makes vectors anew is killed: %s', (name) => {
  const without = name === 'weaviate' ? whyNoWeaviate() : undefined
  beforeEach(({ skip }) => {
    if (without !== undefined) skip(without)
  })
  let rig: MemoryRig
  let model: Server
  let baseUrl = ''
  /** How often the model was asked for each text since it was last cleared. */
  const asked = new Map<string, number>()
  /** Called with each request before it is answered. */
  let onRequest: () => Promise<void> | void = () => {}

  beforeAll(async () => {
    if (without !== undefined) return
    rig = await RIGS[name]({ tenants: 2 })
    model = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => void chunks.push(chunk))
      request.on('end', () => void answer(Buffer.concat(chunks).toString()))
      const answer = async (text: string) => {
        const body = EmbeddingRequest.parse(JSON.parse(text))
        for (const one of [body.input].flat()) asked.set(one, (asked.get(one) ?? 0) + 1)
        await onRequest()
        response.end(JSON.stringify(embeddings(body)))
      }
    })
    model.listen(0, '127.0.0.1')
    await once(model, 'listening')
    const { port } = z.object({ port: z.int() }).parse(model.address())
    baseUrl = `http://127.0.0.1:${port}/v1`
  })
  afterAll(async () => {
    if (without !== undefined) return
    model.close()
    model.closeAllConnections()
    await rig[Symbol.asyncDispose]()
  })

  const open = (version: string): Promise<MemoryStore> =>
    rig.open({
      embedder: modelEmbedder({
        baseUrl,
        model: 'nomic',
        version,
        apiKey: undefined,
        timeoutMs: 30_000,
      }),
    })

  function start(tenantId: string): { child: ChildProcess; ended: Promise<unknown[]> } {
    const order = { elsewhere: rig.elsewhere, tenantId, baseUrl, version: '2', limit }
    const child = spawn(process.execPath, [PROCESS, JSON.stringify(order)], {
      env: machineEnvironment(),
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return { child, ended: once(child, 'exit') }
  }

  /** Kills one process at its second request to the model, when its first batch is done. */
  async function killInTheMiddle(tenantId: string): Promise<void> {
    let requests = 0
    const { child, ended } = start(tenantId)
    onRequest = () => {
      requests += 1
      if (requests === 2) child.kill('SIGKILL')
    }
    expect(await ended).toEqual([null, 'SIGKILL'])
  }

  async function killed(of: { tenant: 0 | 1; forget: (tenantId: string) => Promise<void> }) {
    const tenantId = rig.tenants[of.tenant] ?? ''
    onRequest = () => {}
    const memories = Array.from({ length: n }, (_, at) =>
      sampleMemory(`Lesson ${at} says that fees were low.`, { agent_id: `agent-${at % 3}` }),
    )
    await (await open('1')).remember(tenantId, memories)
    asked.clear()
    for (let kill = 0; kill < kills; kill += 1) {
      await killInTheMiddle(tenantId)
      await of.forget(tenantId)
    }
    onRequest = () => {}
    expect(await start(tenantId).ended).toEqual([0, null])
    const again = [...asked.values()].reduce((sum, times) => sum + times - 1, 0)
    expect(asked.size).toBe(n)
    expect(again, 'texts that were asked for again').toBeLessThanOrEqual(kills * limit)
    const store = await open('2')
    expect(await store.countVectors({ tenantId })).toEqual({ held: n, stale: 0 })
    const byId = (all: readonly Memory[]) => all.toSorted((a, b) => (a.id < b.id ? 1 : -1))
    expect(await store.list({ tenantId, limit: n })).toEqual(byId(memories))
    const question = { tenantId, agentId: 'agent-0', question: 'Lesson 0', limit: 5 }
    expect(await store.recall(question)).toHaveLength(5)
  }

  const claim = { id: `re-embed-killed-${name}`, n, seed: 1, timeoutMs }
  guarantee({ ...claim, title: 'the next process goes on where the killed one was' }, () =>
    killed({ tenant: 0, forget: async () => {} }),
  )
  control(
    {
      guard: 'the word of each vector on who made it',
      test: claim.id,
      expect: /texts that were asked for again/,
      timeoutMs,
    },
    () =>
      killed({
        tenant: 1,
        forget: async (tenantId) => {
          // As if nobody had written it down; the model of before is not asked by this count.
          const before = await open('1')
          const counted = new Map(asked)
          while ((await before.reEmbed({ tenantId, limit })).found > 0);
          asked.clear()
          for (const [text, times] of counted) asked.set(text, times)
        },
      }),
  )
})
