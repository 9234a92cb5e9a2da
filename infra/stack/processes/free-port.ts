import { createServer } from 'node:net'

/**
 * The first of the wanted ports that is free on loopback, else any free one. Between this answer
 * and the use another process may take the port; whoever asked tries again then.
 */
export async function findFreePort(wanted: readonly (number | undefined)[] = []): Promise<number> {
  for (const port of wanted) {
    if (port !== undefined && (await probe(port)) !== undefined) return port
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
