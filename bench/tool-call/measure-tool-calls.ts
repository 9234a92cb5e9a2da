import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { openBareServer } from './bare-server.ts'
import { openGrantedServer } from './granted-server.ts'
import { callBody, measureCalls } from './load.ts'

/** Calls per second of both servers, one right after the other. */
export type ToolCallRound = Readonly<{ bare_per_s: number; granted_per_s: number; ratio: number }>

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
    bare: async (n: number): Promise<number> => {
      const bodies = Array.from({ length: n }, (_, id) => callBody(id, undefined))
      return measureCalls({ url: bare.url, bodies, lanes })
    },
    granted: async (n: number): Promise<number> => {
      const bodies = (await granted.grant(n)).map((grant, id) => callBody(id, grant))
      return measureCalls({ url: granted.url, bodies, lanes })
    },
  }
  await ask.bare(WARM_UP)
  await ask.granted(WARM_UP)
  const rounds: ToolCallRound[] = []
  for (let n = 0; n < of.rounds; n += 1) {
    const order = n % 2 === 0 ? (['bare', 'granted'] as const) : (['granted', 'bare'] as const)
    const found = { bare: 0, granted: 0 }
    for (const which of order) found[which] = await ask[which](calls)
    const round = {
      bare_per_s: found.bare,
      granted_per_s: found.granted,
      ratio: found.granted / found.bare,
    }
    of.log(`round ${n + 1}: ${JSON.stringify(round)}`)
    rounds.push(round)
  }
  return rounds
}
