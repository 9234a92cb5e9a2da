import type { ToolControl } from './tool-control.ts'

/** A tool server that is told something by its door. */
export type ServerToAsk = Readonly<{ name: string; url: string }>

/** What one server answered; `error` says why it did not. */
export type Answered<Reply> = Readonly<
  { name: string } & ({ isReached: true; reply: Reply } | { isReached: false; error: string })
>

/** A request that its server could not answer in time stays with it for so long. */
const LINGERS_MS = 60_000

/**
 * Asks all servers side by side: one that hangs holds up no other, and the answer waits for it
 * `withinMs` at most. Its request stays on its way, so that a server that only slept finds it
 * before everything else the moment that it wakes up.
 */
export async function askServers<Control extends Partial<ToolControl>, Reply>(of: {
  servers: readonly ServerToAsk[]
  openControl: (of: { url: string }) => Control
  /** Has to give up by itself after `lingersMs`. */
  ask: (control: Control, lingersMs: number) => Promise<Reply>
  withinMs: number
}): Promise<Answered<Reply>[]> {
  const { promise: tooLate, resolve } = Promise.withResolvers<typeof LATE>()
  const timer = setTimeout(() => resolve(LATE), of.withinMs)
  try {
    return await Promise.all(
      of.servers.map(async ({ name, url }): Promise<Answered<Reply>> => {
        const asked = of.ask(of.openControl({ url }), LINGERS_MS)
        try {
          const reply = await Promise.race([asked, tooLate])
          if (reply !== LATE) return { name, isReached: true, reply }
          asked.catch(() => undefined)
          return { name, isReached: false, error: `no answer within ${of.withinMs} ms` }
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error)
          return { name, isReached: false, error: why }
        }
      }),
    )
  } finally {
    clearTimeout(timer)
  }
}

const LATE = Symbol('too late')
