import type { FenceBody } from '@chimera/contracts/tool-control'
import type { z } from 'zod'

import type { ToolControl } from './tool-control.ts'

/** A tool server that a stop concerns. */
export type ServerToFence = Readonly<{ name: string; url: string }>

/** What became of the fence at one server; `error` says why it was not reached. */
export type FencedServer = Readonly<
  { name: string } & (
    | { isFenced: true; epoch: number; inFlight: readonly string[] }
    | { isFenced: false; error: string }
  )
>

/** A request that its server could not answer in time stays with it for so long. */
const LINGERS_MS = 60_000

/**
 * Raises a fence at all servers side by side: one that hangs holds up no other, and the answer
 * waits for it `withinMs` at most. Its request stays on its way, so that a server that only slept
 * finds the fence before it the moment that it wakes up.
 */
export async function fenceServers(of: {
  servers: readonly ServerToFence[]
  openControl: (of: { url: string }) => Pick<ToolControl, 'fence'>
  fence: z.infer<typeof FenceBody>
  withinMs: number
}): Promise<FencedServer[]> {
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), of.withinMs)
  try {
    return await Promise.all(of.servers.map((server) => fenceServer(server, { ...of, tooLate })))
  } finally {
    clearTimeout(timer)
  }
}

async function fenceServer(
  { name, url }: ServerToFence,
  of: Omit<Parameters<typeof fenceServers>[0], 'servers'> & { tooLate: Promise<undefined> },
): Promise<FencedServer> {
  const asked = of.openControl({ url }).fence(of.fence, LINGERS_MS)
  try {
    const reply = await Promise.race([asked, of.tooLate])
    if (reply === undefined) {
      asked.catch(() => undefined)
      return { name, isFenced: false, error: `no answer within ${of.withinMs} ms` }
    }
    return { name, isFenced: true, epoch: reply.epoch, inFlight: reply.in_flight }
  } catch (error) {
    return { name, isFenced: false, error: error instanceof Error ? error.message : String(error) }
  }
}
