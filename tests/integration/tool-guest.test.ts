/** A client's process beside a swarm's server: it joins, and never takes the ledger from it. */
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { startProcess } from './tool-process.ts'
import { openRig, type Rig } from './tool-rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(async () => rig[Symbol.asyncDispose]())

const guestOf = (other: Record<string, string> = {}): Record<string, string> => ({
  ...rig.env({ GRANTS: 'off' }),
  PATH: process.env['PATH'] ?? '',
  ...other,
})

/** Killed by no supervisor: the rig starts it again, as one would. */
async function restart(): Promise<void> {
  await rig.tool.kill('SIGKILL')
  await rig.startTool()
}

test.each([
  ['told to', { TOOL_JOIN_ONLY: '1' }],
  ['that joined a server which wants grants', {}],
])('a guest %s goes on with the server that comes back', async (_title, other) => {
  const client = new Client(
    { name: 'desk', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const main = 'mcp-tools/tweet/main.ts'
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [main, '--stdio'],
      env: guestOf(other),
      stderr: 'ignore',
    }),
  )
  const read = async () => client.callTool({ name: 'get_cooldown', arguments: {} })
  const post = async () =>
    client.callTool({ name: 'post_tweet', arguments: { text: 'as a guest' } })
  expect((await read()).structuredContent).toMatchObject({ status: 'OK' })
  expect((await post()).structuredContent).toMatchObject({ code: 'GRANT_REQUIRED' })
  await restart()
  expect((await read()).structuredContent).toMatchObject({ status: 'OK' })
  // Had it taken the ledger, nothing would ask for a grant.
  expect((await post()).structuredContent).toMatchObject({ code: 'GRANT_REQUIRED' })
  await client.close()
  expect(rig.posts()).toEqual([])
})

test('a guest without a host does not start', { timeout: 120_000 }, async () => {
  const elsewhere = { TOOL_JOIN_ONLY: '1', TOOL_LEDGER: `${rig.ledgerPath}.other` }
  await using proc = startProcess('mcp-tools/tweet/main.ts', guestOf(elsewhere), ['--stdio'])
  const isOver = await Promise.race([
    proc.exited,
    new Promise((resolve) => setTimeout(() => resolve('waits for its host'), 3_000)),
  ])
  // It waits for a minute: a stack that starts may be on its way.
  expect(isOver).toBe('waits for its host')
  expect(proc.lines.join('\n')).not.toContain('"ready":true')
})
