import type { OpenPeer } from '../open-peer.ts'

/** Code is compiled, connections are open, statements are known. */
const WARM_UP = 50
const BURST_WITHIN_MS = 90_000

/**
 * Jobs a second of one burst: from the order to the last step of the last job. The program is
 * started for it and ended after it, so that nobody's polling is in another's figures.
 */
export async function measurePeer(of: {
  peer: OpenPeer
  name: string
  jobs: number
}): Promise<number> {
  const { peer, name, jobs } = of
  const bursts = new Map<string, PromiseWithResolvers<number>>()
  const program = await peer.start({
    onFinished: () => undefined,
    onBurst: (burst, seconds) => bursts.get(burst)?.resolve(seconds),
  })
  const burst = async (called: string, size: number): Promise<number> => {
    const ended = Promise.withResolvers<number>()
    bursts.set(called, ended)
    const late = setTimeout(
      () => ended.reject(new Error(`${size} jobs are not done after ${BURST_WITHIN_MS} ms.`)),
      BURST_WITHIN_MS,
    )
    program.tell({ do: 'burst', name: called, jobs: size })
    return ended.promise.finally(() => clearTimeout(late))
  }
  try {
    await burst(`${name}-warm`, WARM_UP)
    return jobs / (await burst(name, jobs))
  } catch (error) {
    throw new Error(`${name}: ${program.lastWords().slice(-300)}`, { cause: error })
  } finally {
    await program.close()
  }
}
