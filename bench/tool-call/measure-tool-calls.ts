import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { readProcess } from '../processes/process-table.ts'
import { openBareServer } from './bare-server.ts'
import { openGrantedServer } from './granted-server.ts'
import { callBody, measureCalls } from './load.ts'

/** Both servers, one right after the other. */
export type ToolCallRound = Readonly<{
  bare_per_s: number
  granted_per_s: number
  ratio: number
  /** What a call costs the server's process, waits aside: a busy machine does not change it. */
  bare_cpu_ms: number
  granted_cpu_ms: number
  /** Writes to the disk for each granted call; two where nobody shares them. */
  commits_per_call: number
}>

/** Before the clock runs: code is compiled, pages of the ledger are there. */
const WARM_UP = 300

/**
 * The same calls on both servers, in turn, each round beginning with the other one: what else goes
 * on in the machine meets both.
 */
export async function measureToolCalls(of: {
  rounds: number
  calls: number
  lanes: number
  env: Readonly<Record<string, string | undefined>>
  log: (line: string) => void
}): Promise<ToolCallRound[]> {
  const { lanes, calls, env } = of
  const folder = mkdtempSync(path.join(tmpdir(), 'chimera-tool-call-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const bare = stack.use(await openBareServer({ env }))
  const granted = stack.use(await openGrantedServer({ folder, env }))
  const ask = {
    bare: async (n: number): Promise<Asked> => {
      const bodies = Array.from({ length: n }, (_, id) => callBody(id, undefined))
      return measure({ server: bare, bodies, lanes })
    },
    granted: async (n: number): Promise<Asked> => {
      const bodies = (await granted.grant(n)).map((grant, id) => callBody(id, grant))
      return measure({ server: granted, bodies, lanes })
    },
  }
  await ask.bare(WARM_UP)
  await ask.granted(WARM_UP)
  const rounds: ToolCallRound[] = []
  for (let n = 0; n < of.rounds; n += 1) {
    const order = n % 2 === 0 ? (['bare', 'granted'] as const) : (['granted', 'bare'] as const)
    const before = await granted.commits()
    const found = { bare: NOTHING, granted: NOTHING }
    for (const which of order) found[which] = await ask[which](calls)
    const round = {
      bare_per_s: found.bare.per_s,
      granted_per_s: found.granted.per_s,
      ratio: found.granted.per_s / found.bare.per_s,
      bare_cpu_ms: found.bare.cpu_ms,
      granted_cpu_ms: found.granted.cpu_ms,
      commits_per_call: ((await granted.commits()) - before) / calls,
    }
    of.log(`round ${n + 1}: ${JSON.stringify(round)}`)
    rounds.push(round)
  }
  return rounds
}

type Asked = Readonly<{ per_s: number; cpu_ms: number }>

const NOTHING: Asked = { per_s: Number.NaN, cpu_ms: Number.NaN }

async function measure(of: {
  server: Readonly<{ url: string; pid: number }>
  bodies: readonly Buffer[]
  lanes: number
}): Promise<Asked> {
  const { server, bodies, lanes } = of
  const cpuMs = async (): Promise<number> =>
    ((await readProcess(server.pid))?.cpu_s ?? Number.NaN) * 1_000
  const before = await cpuMs()
  const per_s = await measureCalls({ url: server.url, bodies, lanes })
  return { per_s, cpu_ms: ((await cpuMs()) - before) / bodies.length }
}
