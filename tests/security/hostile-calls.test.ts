/**
 * Hostile arguments for every tool of every server: a clear coded error each, nothing done, the
 * process alive. A server joins by being listed; its tools and schemas are its own.
 */
import { ERROR_CODES } from '@chimera/contracts/errors'
import { TOOLS } from '@chimera/contracts/tools'
import { isWalletInstalled } from '@chimera/infra/stack/wallet/wallet-package'
import { openDoor } from '@chimera/mcp-kit/serving/door'
import { createHttpHandler } from '@chimera/mcp-kit/serving/http-handler'
import { TestAccount } from '@chimera/mcp-kit/testing/test-account'
import { expect, test } from 'vitest'

import { control, sampleSize, seeded, type Random } from '../guarantee.ts'
import { openServed } from '../integration/served-server.ts'
import { createHostileArguments } from './hostile-arguments.ts'
import { talkTo, type Listed, type Target } from './hostile-rig.ts'

const SERVERS = ['tweet', 'wallet', 'trading'] as const
const SEED = 20_261_121
const BESIDE_EACH_OTHER = 8
const TIMEOUT_MS = 600_000

/** JSON-RPC has numbers for what never reaches a tool: parameters that are none. */
const JSON_RPC_CODES = new Set(['-32600', '-32602', '-32700'])

async function expectRefused(
  target: Target,
  { name, inputSchema }: Listed,
  { n, random }: { n: number; random: Random },
): Promise<void> {
  const make = createHostileArguments(inputSchema)
  const calls = Array.from({ length: n }, () => make(random))
  for (let from = 0; from < n; from += BESIDE_EACH_OTHER) {
    const batch = calls.slice(from, from + BESIDE_EACH_OTHER)
    const answers = await Promise.all(batch.map(async ({ json }) => target.call(name, json)))
    for (const [index, answer] of answers.entries()) {
      const { kind = '', json = '' } = batch[index] ?? {}
      const what = `${name} with ${kind}: ${json.slice(0, 200)}`
      expect(answer.isError, `${what} was not refused: ${answer.text.slice(0, 300)}`).toBe(true)
      const isKnown = Object.hasOwn(ERROR_CODES, answer.code)
      expect(isKnown || JSON_RPC_CODES.has(answer.code), `${what}: ${answer.text}`).toBe(true)
      expect(answer.code, what).not.toBe('TOOL_FAILED')
      expect(answer.message, what).not.toBe('')
      // oxlint-disable-next-line no-control-regex
      expect(answer.message, what).not.toMatch(/[\u0000-\u0008\u001B\u202A-\u202E]/)
    }
  }
}

for (const server of SERVERS) {
  const n = sampleSize({ ci: 50, full: 1_000 })
  const title = `guarantee hostile-${server}: every tool refuses (n=${n} a tool, seed=${SEED})`
  test.concurrent(title, { timeout: TIMEOUT_MS }, async ({ skip, task }) => {
    task.meta.guarantee = { id: `hostile-${server}`, n, seed: SEED }
    if (server === 'wallet' && !isWalletInstalled()) {
      skip('the packages of the wallet are not installed: (cd mcp-tools/wallet && npm ci)')
    }
    await using served = await openServed(server)
    const target = talkTo(served.url, served.token)
    const tools = await target.tools()
    const planned = Object.entries(TOOLS).filter(([, tool]) => tool.server === server)
    expect(tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(planned.map(([name]) => name)),
    )
    const random = seeded(SEED)
    for (const tool of tools) await expectRefused(target, tool, { n, random })
    expect(await served.effects(), 'effects in the ledger').toBe(0)
    expect(served.isAlive()).toBe(true)
    expect(await target.tools()).toHaveLength(tools.length)
  })
}

control(
  { guard: 'the strict schema of a tool', test: 'hostile-tweet', expect: /was not refused/ },
  async () => {
    await using account = await new TestAccount().open({ grants: 'off' })
    const tools = account.server.tools.map((tool) =>
      tool.kind === 'read'
        ? tool
        : {
            ...tool,
            effect: { ...tool.effect, plan: () => tool.effect.plan({ text: 'whatever comes' }) },
          },
    )
    const handler = createHttpHandler({
      server: { ...account.server, tools },
      host: '127.0.0.1',
      tokens: { mcp: 'token-of-the-tests', control: undefined, stop: undefined },
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    })
    await using door = await openDoor({ host: '127.0.0.1', port: 0, handle: handler.handle })
    const target = talkTo(`${door.url}/mcp`, 'token-of-the-tests')
    const [tool] = await target.tools()
    if (tool === undefined) throw new Error('There is no tool.')
    await expectRefused(target, tool, { n: 50, random: seeded(SEED) })
  },
)
