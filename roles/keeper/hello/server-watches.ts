import { connect, type Socket } from 'node:net'

/**
 * Holds an idle connection to every server, which breaks the moment that the server dies: its death
 * is known at once, and a server that lives needs no frequent asking. (An HTTP server closes an
 * idle connection after a minute by itself; that costs one visit.)
 */
export type ServerWatches = Disposable & {
  /** Starts to watch; harmless when the server is watched at this address already. */
  watch(account: string, url: string): void
}

const DEFAULT_PORT: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

export function openServerWatches(of: { onGone: (account: string) => void }): ServerWatches {
  const watches = new Map<string, { url: string; socket: Socket }>()
  const end = (account: string): void => {
    const watch = watches.get(account)
    watches.delete(account)
    watch?.socket.destroy()
  }
  return {
    watch(account, url) {
      if (watches.get(account)?.url === url) return
      end(account)
      const socket = open(url)
      watches.set(account, { url, socket })
      socket.on('close', () => {
        // Not when it was replaced by another, or ended here.
        if (watches.get(account)?.socket !== socket) return
        watches.delete(account)
        of.onGone(account)
      })
    },
    [Symbol.dispose]: () => {
      for (const account of watches.keys()) end(account)
    },
  }
}

function open(url: string): Socket {
  const { hostname, port, protocol } = new URL(url)
  const socket = connect({
    // An IPv6 address stands in brackets in a URL.
    host: hostname.replaceAll(/[[\]]/g, ''),
    port: port === '' ? (DEFAULT_PORT[protocol] ?? 80) : Number(port),
    keepAlive: true,
  })
  socket.on('error', () => undefined)
  // Read, so that the end of the other side is noticed.
  socket.resume()
  return socket
}
