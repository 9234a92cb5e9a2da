/** The simulated X as the process that the stack starts: killed midway, it forgets nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { SimulatedRequest } from '@chimera/contracts/observable'
import type { Network } from '@chimera/mcp-tweet/network/network'
import { simulatedNetwork } from '@chimera/mcp-tweet/network/simulated-network'
import { expect } from 'vitest'
import { z } from 'zod'

import { guarantee, sampleSize } from '../guarantee.ts'
import { plainPost, tryPost } from './tweet-network-rig.ts'

const MAIN = resolve(import.meta.dirname, '../../mcp-tools/tweet/simulated-x/main.ts')
const TOKEN = 'user-token'

const ReadyLine = z.object({ ready: z.literal(true), url: z.url() })

type Process = AsyncDisposable & { network: Network; kill: () => Promise<void> }

async function startProcess(recordPath: string): Promise<Process> {
  const child = spawn(process.execPath, [MAIN], {
    env: { SIMULATED_X_RECORD: recordPath, SIMULATED_X_TOKEN: TOKEN },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = ReadyLine.safeParse(JSON.parse(line))
    if (!ready.success) continue
    const network = simulatedNetwork({ baseUrl: ready.data.url, token: TOKEN })
    return { network, kill, [Symbol.asyncDispose]: kill }
  }
  throw new Error('The simulated X ended before it was ready.')
}

guarantee(
  {
    id: 'simulated-x-forgets-nothing',
    title: 'what a killed X had accepted is in its record and on its next timeline',
    n: sampleSize({ ci: 2, full: 12 }),
    seed: 5,
    timeoutMs: 120_000,
  },
  async ({ n, random }) => {
    const folder = mkdtempSync(join(tmpdir(), 'simulated-x-'))
    const recordPath = join(folder, 'x.jsonl')
    const sinceMs = Date.now()
    const answered = new Set<string>()
    for (let life = 0; life < n; life += 1) {
      await using x = await startProcess(recordPath)
      const killed = sleep(random.integer(20, 120)).then(() => x.kill())
      for (let each = 0; each < 80; each += 1) {
        const verdict = await tryPost(x.network, plainPost(`life ${life} post ${each}`))
        if (verdict.outcome !== 'accepted') break
        answered.add(verdict.providerRef)
      }
      await killed
    }
    await using last = await startProcess(recordPath)
    const timeline = await last.network.findSince({ sinceMs })
    if (timeline.outcome !== 'read') throw new Error(timeline.detail)
    const lines = readFileSync(recordPath, 'utf8').trim().split('\n')
    const recorded = lines
      .map((line) => SimulatedRequest.parse(JSON.parse(line)))
      .flatMap(({ method, id }) => (method === 'POST' && id !== undefined ? [id] : []))
    expect(answered.size).toBeGreaterThan(0)
    expect(answered.difference(new Set(recorded))).toEqual(new Set())
    expect(timeline.posts.map(({ id }) => id).toReversed()).toEqual(recorded)
    rmSync(folder, { recursive: true })
  },
)
