import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { ChimeraError, TerminalError } from '@chimera/contracts/errors'

import type { ToolServer } from '../tool-server.ts'
import { Greeting } from './greeting.ts'
import { createLines } from './lines.ts'

/** What a process of an account turns out to be. */
export type Place =
  | Readonly<{ kind: 'holder'; server: ToolServer }>
  | Readonly<{ kind: 'bridge'; socket: Socket; greeting: Greeting }>

/** A holder that lives answers at once; one that is paused or dead does not. */
const GREETING_MS = 2_000
/** Processes that lost one race do not meet again in step. */
const PAUSE_MS = { least: 30, spread: 100 }

/**
 * Takes the ledger, or joins the process that has it, whichever works first; the lock may outlive
 * its holder for a moment, and a new holder needs one to listen. Throws LEDGER_HELD when neither
 * works within `patienceMs`, and whatever else keeps the ledger from being opened.
 */
export async function holdOrJoin(options: {
  /** Throws LEDGER_HELD while another process has it. */
  open: () => ToolServer
  socketPath: string
  /** Whether to be a bridge to such a holder. */
  mayJoin: (greeting: Greeting) => boolean
  patienceMs: number
}): Promise<Place> {
  const startedMs = performance.now()
  for (;;) {
    try {
      return { kind: 'holder', server: options.open() }
    } catch (cause) {
      if (!(cause instanceof ChimeraError) || cause.code !== 'LEDGER_HELD') throw cause
      const joined = await join(options.socketPath)
      if (joined !== undefined && options.mayJoin(joined.greeting)) {
        return { kind: 'bridge', ...joined }
      }
      joined?.socket.destroy()
      if (joined !== undefined) {
        throw new TerminalError('LEDGER_HELD', whyNotJoined(joined.greeting), { cause })
      }
      if (performance.now() - startedMs > options.patienceMs) throw cause
    }
    await sleep(PAUSE_MS.least + Math.random() * PAUSE_MS.spread)
  }
}

/** For the person who has to end one of the two. */
function whyNotJoined({ account, grants, http, pid }: Greeting): string {
  const rule = `GRANTS=${grants}${http ? '' : ' and no HTTP'}`
  return (
    `Process ${pid} holds the ledger of ${account} with ${rule}, so that this server cannot act ` +
    `through it. Close the MCP client that started it, or end process ${pid}.`
  )
}

/** A connection to the holder whose greeting has been read; undefined when nobody answers. */
async function join(path: string): Promise<{ socket: Socket; greeting: Greeting } | undefined> {
  const socket = connect(path)
  const { promise, resolve } = Promise.withResolvers<Greeting | undefined>()
  const cut = createLines()
  const read = (chunk: Buffer): void => {
    const [line, ...early] = cut(chunk)
    if (line === undefined) return
    // The holder speaks first and then only when spoken to.
    resolve(early.length === 0 ? greetingIn(line) : undefined)
  }
  const timer = setTimeout(() => resolve(undefined), GREETING_MS)
  const giveUp = (): void => resolve(undefined)
  socket.on('data', read).on('error', giveUp).on('close', giveUp)
  const greeting = await promise
  clearTimeout(timer)
  socket.off('data', read).pause()
  if (greeting !== undefined) return { socket, greeting }
  socket.destroy()
  return undefined
}

function greetingIn(line: string): Greeting | undefined {
  try {
    return Greeting.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
