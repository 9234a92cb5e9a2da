/** Hostile arguments for the tools of the swarm: refused here, before the gateway hears of them. */
import { SWARM_TOOLS } from '@chimera/contracts/tools'
import { expect } from 'vitest'

import { control, guarantee, sampleSize, seeded } from '../guarantee.ts'
import { startProcess } from '../integration/tool-process.ts'
import { createHostileArguments } from './hostile-arguments.ts'
import { talkTo, type Target } from './hostile-rig.ts'

const SEED = 20_261_121
const TOKEN = 'token-of-the-swarm-in-tests'
/** Discard: nobody listens there, and whatever got that far would say UNAVAILABLE. */
const NOWHERE = 'http://127.0.0.1:9'

type Served = AsyncDisposable & Readonly<{ target: Target; isAlive: () => boolean }>

async function serve(): Promise<Served> {
  const swarm = startProcess('mcp-tools/swarm/main.ts', {
    CHIMERA_GATEWAY_URL: NOWHERE,
    CHIMERA_TOKEN: 'token-of-the-gateway-in-tests',
    TOOL_TOKEN: TOKEN,
    HEALTH_PORT: '0',
  })
  const { url } = await swarm.ready
  return {
    target: talkTo(`${String(url)}/mcp`, TOKEN),
    isAlive: () => swarm.child.exitCode === null,
    [Symbol.asyncDispose]: () => swarm.kill(),
  }
}

async function expectRefused(
  target: Target,
  n: number,
  make: (tool: Awaited<ReturnType<Target['tools']>>[number]) => () => string,
): Promise<void> {
  for (const tool of await target.tools()) {
    const next = make(tool)
    for (let k = 0; k < n; k += 1) {
      const json = next()
      const answer = await target.call(tool.name, json)
      const what = `${tool.name} with ${json.slice(0, 200)}`
      expect(answer, what).toMatchObject({ isError: true })
      expect(['TOOL_FAILED', ''], what).not.toContain(answer.code)
      expect(answer.code, `what got to the gateway: ${what}`).not.toBe('UNAVAILABLE')
    }
  }
}

guarantee(
  {
    id: 'hostile-swarm',
    title: 'every tool of the swarm refuses hostile arguments before the gateway hears of them',
    n: sampleSize({ ci: 50, full: 1_000 }),
    seed: SEED,
    timeoutMs: 600_000,
  },
  async ({ n, random }) => {
    await using served = await serve()
    const { target } = served
    expect((await target.tools()).map(({ name }) => name)).toEqual(Object.keys(SWARM_TOOLS))
    await expectRefused(target, n, ({ inputSchema }) => {
      const hostile = createHostileArguments(inputSchema)
      return () => hostile(random).json
    })
    expect(served.isAlive()).toBe(true)
  },
)

control(
  {
    guard: 'the hostility of the arguments',
    test: 'hostile-swarm',
    expect: /what got to the gateway/,
  },
  async () => {
    await using served = await serve()
    const random = seeded(SEED)
    const fair = [{ id: 'g' }, { text: 'hello' }, {}].map((args) => JSON.stringify(args))
    await expectRefused(served.target, 10, () => () => random.pick(fair))
  },
)
