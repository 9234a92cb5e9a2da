import type { Readable, Writable } from 'node:stream'

import { z } from 'zod'

import { createLines } from './lines.ts'

/** The two ends of a way to a server: a socket is both. */
export type Link = Readonly<{ readable: Readable; writable: Writable }>

/**
 * Stands between one MCP client and whatever serves it now: the holder of the ledger, the next one,
 * or this very process. Calls that were in flight when a server went away are answered here, as
 * retryable, and never sent again: only the ledger knows what became of them, and the same call
 * asks it.
 */
export type Relay = Readonly<{
  /** Serves the client through this link; settles when the link is gone. */
  attach: (link: Link) => Promise<void>
  /** The client has closed its end. */
  ended: Promise<void>
}>

const Id = z.union([z.string(), z.number()])
const Message = z.looseObject({ id: Id.optional(), method: z.string().optional() })
type Id = z.infer<typeof Id>

type Open = Readonly<{ id: Id; line: string; isCall: boolean }>

/** More calls than this of one client wait for nothing good. */
const MAX_OPEN = 1_000

export function createRelay(of: { input: Readable; output: Writable }): Relay {
  const { input, output } = of
  const open = new Map<string, Open>()
  const session = openSession()
  let link: Link | undefined

  const toServer = (line: string): void => {
    if (link === undefined || line.trim() === '') return
    const { id, method } = parse(line)
    if (id !== undefined && method !== undefined) {
      if (open.size >= MAX_OPEN) {
        send(output, refusal(id, 'Too many calls are open.'))
        return
      }
      open.set(keyOf(id), { id, line, isCall: method === 'tools/call' })
    }
    session.note(line, method, id)
    if (!send(link.writable, line)) pauseUntilDrained(input, link.writable)
  }
  const toClient = (line: string): void => {
    const { id, method } = parse(line)
    if (id !== undefined && method === undefined) {
      if (session.isReplayed(id)) return
      open.delete(keyOf(id))
    }
    send(output, line)
  }
  const loseLink = (): void => {
    link = undefined
    input.pause()
    for (const [key, { id, isCall }] of open) {
      if (!isCall) continue
      open.delete(key)
      send(output, refusal(id, GONE))
    }
  }
  const ended = Promise.withResolvers<void>()
  const cut = createLines()
  input.on('data', (chunk: Buffer) => {
    for (const line of cut(chunk)) toServer(line)
  })
  for (const event of ['end', 'close', 'error']) input.on(event, () => ended.resolve())
  input.pause()

  return {
    ended: ended.promise,
    attach: async (next) => {
      link = next
      const gone = lost(next)
      const cutAnswers = createLines()
      next.readable.on('data', (chunk: Buffer) => {
        for (const line of cutAnswers(chunk)) toClient(line)
      })
      for (const line of session.replay(open)) send(next.writable, line)
      // What has no effect is simply asked again, of whoever is there now.
      for (const { line, isCall } of open.values()) if (!isCall) send(next.writable, line)
      next.readable.resume()
      input.resume()
      await gone
      loseLink()
    },
  }
}

const GONE =
  'The process that held the ledger of this account is gone. The same call again says what ' +
  'became of this one; it is never done twice.'

/** What a client of 2025 has said once, and every further server has to hear. */
function openSession() {
  let initialize: { line: string; id: Id } | undefined
  let initialized: string | undefined
  let swallowed: Id | undefined
  return {
    note: (line: string, method: string | undefined, id: Id | undefined): void => {
      if (method === 'initialize' && id !== undefined) initialize = { line, id }
      if (method === 'notifications/initialized') initialized = line
    },
    /** Lines to begin with on a further link. */
    replay: (open: ReadonlyMap<string, unknown>): string[] => {
      if (initialize === undefined || open.has(keyOf(initialize.id))) return []
      swallowed = initialize.id
      return initialized === undefined ? [initialize.line] : [initialize.line, initialized]
    },
    /** Whether this answers what was only repeated; the client has its answer. */
    isReplayed: (id: Id): boolean => {
      if (id !== swallowed) return false
      swallowed = undefined
      return true
    },
  }
}

const keyOf = (id: Id): string => JSON.stringify(id)

/** What is no message is the server's to refuse. */
function parse(line: string): z.infer<typeof Message> {
  try {
    return Message.catch({}).parse(JSON.parse(line))
  } catch {
    return {}
  }
}

/** JSON-RPC leaves -32000 to -32099 to servers. */
function refusal(id: Id, message: string): string {
  const data = { code: 'SERVER_CLOSED', retryable: true }
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_000, message, data } })
}

const send = (to: Writable, line: string): boolean => to.write(`${line}\n`)

function pauseUntilDrained(input: Readable, writable: Writable): void {
  input.pause()
  writable.once('drain', () => input.resume())
}

async function lost({ readable, writable }: Link): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const event of ['end', 'close', 'error']) {
    readable.on(event, () => resolve())
    writable.on(event, () => resolve())
  }
  await promise
}
