import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the ports that Linux (32768) and macOS (49152) give to connections that go out: one of
 * those may be taken between its choice and its use, and again while its process restarts.
 */
const LISTENING = { from: 16_384, below: 32_768 } as const
/** So many of them are tried before any port at all is taken. */
const TRIES = 20

/**
 * The first of the wanted ports that is free on loopback, else any free one. Between this answer
 * and the use another process may take the port; whoever asked tries again then.
 */
export async function findFreePort(wanted: readonly (number | undefined)[] = []): Promise<number> {
  for (const port of wanted) {
    if (port !== undefined && (await probe(port)) !== undefined) return port
  }
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = await probe(randomInt(LISTENING.from, LISTENING.below))
    if (port !== undefined) return port
  }
  const port = await probe(0)
  if (port === undefined) throw new Error('No free port was found on 127.0.0.1.')
  return port
}

async function probe(port: number): Promise<number | undefined> {
  const server = createServer()
  try {
    return await new Promise<number | undefined>((resolve) => {
      server.once('error', () => resolve(undefined))
      server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : undefined)
      })
    })
  } finally {
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
  }
}
