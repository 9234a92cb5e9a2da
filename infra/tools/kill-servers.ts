import { killLevelOf } from '@chimera/contracts/judging/kill'
import type { KillTold } from '@chimera/contracts/observable'
import type { KillBody } from '@chimera/contracts/tool-control'
import type { z } from 'zod'

import { askServers, type ServerToAsk } from './ask-servers.ts'
import type { ToolControl } from './tool-control.ts'

/** What a server made of it; `error` says why one was not reached. */
export type KilledServer = KillTold & Readonly<{ error?: string }>

/**
 * Tells all servers a kill level side by side, durable at each that answers; waits `withinMs` at
 * most (see ask-servers.ts). One that answers with a lower level than was asked for has not done
 * it, and is named like one that was not reached.
 */
export async function killServers(of: {
  servers: readonly ServerToAsk[]
  openControl: (of: { url: string }) => Pick<ToolControl, 'setKill'>
  kill: z.input<typeof KillBody>
  withinMs: number
}): Promise<KilledServer[]> {
  const { scope = 'everything', level } = of.kill
  const answers = await askServers({
    ...of,
    ask: async (control, lingersMs) => control.setKill(of.kill, lingersMs),
  })
  return answers.map((answer): KilledServer => {
    const { name } = answer
    if (!answer.isReached) {
      return { name, result: 'unreachable', level: null, in_flight: [], error: answer.error }
    }
    const { epochs, in_flight } = answer.reply
    const holds = killLevelOf(epochs[scope] ?? 0)
    const told = { name, level: holds, in_flight }
    if (holds >= level) return { ...told, result: 'told' }
    return { ...told, result: 'unreachable', error: `it stays at level ${holds}` }
  })
}
