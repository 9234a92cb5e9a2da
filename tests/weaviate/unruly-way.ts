/** A way to a server, of HTTP and of gRPC alike, that a test makes slow, deaf or short. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/**
 * How it carries bytes: `open`, as they come; `closed`, none, and who comes is sent away; `slow`,
 * each way takes so long; when one connection has brought so many bytes from then on, `short` cuts
 * it, and `deaf` lets answers stay behind.
 */
export type Manner =
  | Readonly<{ is: 'open' | 'closed' }>
  | Readonly<{ is: 'slow'; delayMs: number }>
  | Readonly<{ is: 'short' | 'deaf'; afterBytes: number }>

/** Carries what it is given to one port of loopback. */
export type UnrulyWay = AsyncDisposable &
  Readonly<{
    url: string
    /** What is carried from now on. What was not carried in order or at all before is cut. */
    become: (manner: Manner) => void
    /** Connections that were cut by what they had brought. */
    cuts: () => number
    /** Bytes that were brought to it, by whomever. */
    brought: () => number
  }>

/** Opens a way to a server, as in http://127.0.0.1:8080. */
export async function openUnrulyWay(to: string): Promise<UnrulyWay> {
  let manner: Manner = { is: 'open' }
  const sum = { cuts: 0, brought: 0 }
  const pairs = new Set<readonly [Socket, Socket]>()
  const target = Number(new URL(to).port)
  const server = createServer((near) => {
    if (manner.is === 'closed') {
      near.destroy()
      return
    }
    const far = connect(target, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    for (const socket of pair) {
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', end)
    }
    let since = { manner, bytes: 0 }
    near.on('data', (chunk: Buffer) => {
      if (since.manner !== manner) since = { manner, bytes: 0 }
      const room = manner.is === 'short' ? manner.afterBytes - since.bytes : Infinity
      since.bytes += chunk.length
      sum.brought += chunk.length
      if (chunk.length <= room) {
        pass(chunk, far, manner)
        return
      }
      sum.cuts += 1
      far.write(chunk.subarray(0, Math.max(0, room)), end)
    })
    far.on('data', (chunk: Buffer) => {
      const isLost =
        manner.is === 'deaf' && since.manner === manner && since.bytes > manner.afterBytes
      if (!isLost) pass(chunk, near, manner)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('It has no port.')
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.destroy()
      far.destroy()
    }
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    become: (next) => {
      const isWhole = manner.is === 'open' && next.is !== 'closed'
      manner = next
      if (!isWhole) cut()
    },
    cuts: () => sum.cuts,
    brought: () => sum.brought,
    [Symbol.asyncDispose]: async () => {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}

/** Timers of the same length fire in the order in which they were set. */
function pass(chunk: Buffer, to: Socket, manner: Manner): void {
  if (manner.is !== 'slow') {
    if (!to.destroyed) to.write(chunk)
    return
  }
  setTimeout(() => {
    if (!to.destroyed) to.write(chunk)
  }, manner.delayMs).unref()
}
