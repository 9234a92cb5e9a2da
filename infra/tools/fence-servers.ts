import type { FenceBody } from '@chimera/contracts/tool-control'
import type { z } from 'zod'

import { askServers, type ServerToAsk } from './ask-servers.ts'
import type { ToolControl } from './tool-control.ts'

/** What became of the fence at one server; `error` says why it was not reached. */
export type FencedServer = Readonly<
  { name: string } & (
    | { isFenced: true; epoch: number; inFlight: readonly string[] }
    | { isFenced: false; error: string }
  )
>

/** Raises a fence at all servers side by side; waits `withinMs` at most (see ask-servers.ts). */
export async function fenceServers(of: {
  servers: readonly ServerToAsk[]
  openControl: (of: { url: string }) => Pick<ToolControl, 'fence'>
  fence: z.infer<typeof FenceBody>
  withinMs: number
}): Promise<FencedServer[]> {
  const answers = await askServers({
    ...of,
    ask: async (control, lingersMs) => control.fence(of.fence, lingersMs),
  })
  return answers.map((answer) =>
    answer.isReached
      ? {
          name: answer.name,
          isFenced: true,
          epoch: answer.reply.epoch,
          inFlight: answer.reply.in_flight,
        }
      : { name: answer.name, isFenced: false, error: answer.error },
  )
}
