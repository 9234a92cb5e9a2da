/**
 * Clients that are not ours, at every tool of every server: the Inspector's command line in both
 * eras of MCP, and the client of the 1.x SDK. A server joins by being listed.
 */
import { isWalletInstalled } from '@chimera/infra/stack/wallet/wallet-package'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import * as legacyHttp from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { sampleSize } from '../../guarantee.ts'
import { openServed, type ServedServer } from '../../integration/served-server.ts'
import { sampleOf } from '../../sample-arguments.ts'
import { inspect, missingInspector, type Inspected } from './inspector.ts'
import { openServedSwarm } from './served-swarm.ts'

const SERVERS = ['tweet', 'wallet', 'trading', 'swarm'] as const
type Served = Omit<ServedServer, 'stateDir' | 'effects'>
const ERAS = ['legacy', 'modern'] as const
const TIMEOUT_MS = 300_000

const Tools = z.array(
  z.looseObject({ name: z.string(), inputSchema: z.record(z.string(), z.unknown()) }),
)
const Listed = z.object({ result: z.object({ tools: Tools }) })
const Called = z.object({
  result: z.object({ structuredContent: z.looseObject({ status: z.string() }) }),
})

let missing: string | undefined
const servers = new Map<string, Served>()
beforeAll(async () => {
  const wanted = SERVERS.filter((name) => walletMissing(name) === undefined)
  const opened = wanted.map(async (name) =>
    servers.set(name, await (name === 'swarm' ? openServedSwarm() : openServed(name))),
  )
  missing = await missingInspector()
  await Promise.all(opened)
}, TIMEOUT_MS)
afterAll(async () => {
  await Promise.all([...servers.values()].map(async (served) => served[Symbol.asyncDispose]()))
})

const walletMissing = (server: string): string | undefined =>
  server === 'wallet' && !isWalletInstalled()
    ? 'the packages of the wallet are not installed: (cd mcp-tools/wallet && npm ci)'
    : undefined

function servedOf(name: string): Served {
  const served = servers.get(name)
  if (served === undefined) throw new Error(`${name} was not started.`)
  return served
}

async function ask(
  { url, token }: Served,
  era: string,
  args: readonly string[],
): Promise<Inspected> {
  const to = [url, '--transport', 'http', '--header', `Authorization: Bearer ${token}`]
  return inspect([...to, '--protocol-era', era, '--stored-auth-only', '-q', ...args])
}

for (const server of SERVERS) {
  const title = `the Inspector lists and calls the tools of ${server}; its lint finds no error`
  test.concurrent(title, { timeout: TIMEOUT_MS }, async ({ skip }) => {
    const reason = missing ?? walletMissing(server)
    if (reason !== undefined) skip(reason)
    const served = servedOf(server)
    const lists = await Promise.all(
      ERAS.map(async (era) => {
        const { stdout } = await ask(served, era, ['--method', 'tools/list', '--format', 'json'])
        return Listed.parse(JSON.parse(stdout)).result.tools
      }),
    )
    const [tools = [], modern = []] = lists
    expect(modern.map(({ name }) => name)).toEqual(tools.map(({ name }) => name))
    const strict = await ask(served, 'modern', ['--method', 'tools/list', '--strict'])
    expect([strict.code, strict.stderr], 'tools/list --strict').toEqual([0, strict.stderr])
    // A call takes half a second of a core: the first and the last in CI, each in one era.
    const ends = [tools.at(0), tools.at(-1)].flatMap((tool) => tool ?? [])
    const [called, eras] = sampleSize({ ci: 1, full: 2 }) === 1 ? [ends, 1] : [tools, ERAS.length]
    for (const [index, tool] of called.entries()) {
      for (const era of [...ERAS, ...ERAS].slice(index % 2, (index % 2) + eras)) {
        await expectCallable(served, { era, ...tool })
      }
    }
    expect(served.isAlive()).toBe(true)
  })
}

/** Done, or refused with a code; both are answers that the Inspector could read. */
async function expectCallable(
  served: Served,
  of: { era: string; name: string; inputSchema: Record<string, unknown> },
): Promise<void> {
  const key = { idempotency_key: `${of.name}-${of.era}` }
  const isMutating = JSON.stringify(of.inputSchema).includes('idempotency_key')
  const sample = z.record(z.string(), z.unknown()).parse(sampleOf(of.inputSchema))
  const args = JSON.stringify({ ...sample, ...(isMutating ? key : {}) })
  const call = ['--tool-name', of.name, '--tool-args-json', args]
  const how = ['--method', 'tools/call', '--format', 'json']
  const { code, stdout, stderr } = await ask(served, of.era, [...how, ...call])
  expect([0, 5], `${of.name} in ${of.era} with ${args}: ${stderr}`).toContain(code)
  const { structuredContent: fields } = Called.parse(JSON.parse(stdout)).result
  if (code === 5)
    expect(fields, `${of.name} with ${args}`).toMatchObject({ code: expect.stringMatching(/./) })
}

for (const server of SERVERS) {
  const title = `a client of the 1.x SDK lists and calls the tools of ${server}`
  test.concurrent(title, { timeout: TIMEOUT_MS }, async ({ skip }) => {
    const reason = walletMissing(server)
    if (reason !== undefined) skip(reason)
    const served = servedOf(server)
    const overHttp = new LegacyClient({ name: 'of-2025', version: '1' })
    const http = new legacyHttp.StreamableHTTPClientTransport(new URL(served.url), {
      requestInit: { headers: { authorization: `Bearer ${served.token}` } },
    })
    await overHttp.connect(transportOf(http))
    const onStdio = new LegacyClient({ name: 'of-2025', version: '1' })
    const { PATH = '' } = process.env
    await onStdio.connect(
      new LegacyStdio({
        command: process.execPath,
        args: served.onStdio.args,
        env: { PATH, ...served.onStdio.env },
        stderr: 'ignore',
      }),
    )
    for (const client of [overHttp, onStdio]) {
      const { tools } = await client.listTools()
      expect(tools.length).toBeGreaterThan(3)
      for (const tool of tools.filter(({ annotations }) => annotations?.readOnlyHint)) {
        const args = z.record(z.string(), z.unknown()).parse(sampleOf(tool.inputSchema))
        const result = await client.callTool({ name: tool.name, arguments: args })
        expect(result.structuredContent, tool.name).toMatchObject({
          status: expect.stringMatching(/OK|NONE/),
        })
      }
      await client.close()
    }
  })
}

/** Its own types do not hold under exactOptionalPropertyTypes. */
const transportOf = (transport: unknown): Parameters<LegacyClient['connect']>[0] =>
  z.custom<Parameters<LegacyClient['connect']>[0]>().parse(transport)
