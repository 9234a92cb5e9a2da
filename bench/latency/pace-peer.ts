import type { OpenPeer } from '../peers/open-peer.ts'

/** Code is compiled, connections are open, statements are known. */
const WARM_UP = 500
const AFTERWARDS_MS = 60_000

/**
 * Milliseconds from the submission of each job to the end of its third step, at a rate. The program
 * is started for it and ended after it.
 */
export async function pacePeer(of: {
  peer: OpenPeer
  name: string
  perSecond: number
  seconds: number
}): Promise<readonly number[]> {
  const { peer, name, perSecond, seconds } = of
  const warm = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<readonly number[]>()
  const program = await peer.start({
    onFinished: () => undefined,
    onBurst: () => warm.resolve(),
    onPace: (_, waits) => ended.resolve(waits),
  })
  const late = new Error(`${name}: jobs at ${perSecond} a second are not done.`)
  const timer = setTimeout(
    () => {
      warm.reject(late)
      ended.reject(late)
    },
    seconds * 1000 + AFTERWARDS_MS,
  )
  ended.promise.catch(() => undefined)
  try {
    program.tell({ do: 'burst', name: `${name}-warm`, jobs: WARM_UP })
    await warm.promise
    program.tell({ do: 'pace', name, jobs: perSecond * seconds, per_s: perSecond })
    return await ended.promise
  } catch (error) {
    throw new Error(`${name}: ${program.lastWords().slice(-300)}`, { cause: error })
  } finally {
    clearTimeout(timer)
    await program.close()
  }
}
