import type { Redis } from 'ioredis'

/** Waits for the connection, which tries on by itself, or for the stop. */
export async function whenReady(client: Redis, signal: AbortSignal): Promise<void> {
  if (client.status === 'ready' || signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const go = (): void => resolve()
  client.once('ready', go)
  signal.addEventListener('abort', go, { once: true })
  await promise
  client.off('ready', go)
  signal.removeEventListener('abort', go)
}
