/**
 * The official conformance suite of MCP, offline: the kit's own transport, authentication and
 * serving with a fixture pack of the tests, and the Workers' way of connecting.
 */
import { join } from 'node:path'

import { describe, test } from 'vitest'

import { CHECKOUT } from '../../source-tree.ts'
import { openFixtureServer } from './open-fixture-server.ts'
import {
  requiredScenarios,
  runScenario,
  runSuite,
  type Revision,
  type Subject,
} from './run-suite.ts'

const TIMEOUT_MS = 300_000

/** How many scenarios each revision asks for; a suite that was emptied would pass everything. */
const REQUIRED = {
  '2026-07-28': { server: 37, client: 32 },
  '2025-11-25': { server: 30, client: 18 },
} as const

/**
 * What is required and did not pass; nothing is how it should be. The suite starts all its clients
 * at once and gives some of them few seconds: what failed in the crowd is run once more, alone.
 */
async function faultsOf(subject: Subject, required: readonly string[]): Promise<string[]> {
  const { ended, printed } = await runSuite(subject)
  const faults: string[] = []
  for (const name of required) {
    const found = ended.find(({ scenario }) => scenario === name)
    if (found === undefined) faults.push(`${name} was not run:\n${printed}`)
    else if (found.failed > 0 || found.passed === 0) {
      const alone = await runScenario(subject, name)
      if (!alone.hasPassed) faults.push(`${name} failed:\n${alone.printed}`)
    }
  }
  return faults
}

describe.each<Revision>(['2026-07-28', '2025-11-25'])('MCP %s', (revision) => {
  const title = 'a tool server passes every scenario that is required'
  test.concurrent(title, { timeout: TIMEOUT_MS }, async ({ expect }) => {
    const required = requiredScenarios(revision, 'server')
    expect(required).toHaveLength(REQUIRED[revision].server)
    await using server = await openFixtureServer()
    const subject = { kind: 'server', url: server.url, revision } as const
    expect(await faultsOf(subject, required)).toEqual([])
  })

  const other = 'the Workers’ client passes every scenario that is required'
  test.concurrent(other, { timeout: TIMEOUT_MS }, async ({ expect }) => {
    const required = requiredScenarios(revision, 'client')
    expect(required).toHaveLength(REQUIRED[revision].client)
    const main = join(CHECKOUT, 'tests', 'conformance', 'mcp', 'client', 'main.ts')
    const command = `'${process.execPath}' '${main}'`
    expect(await faultsOf({ kind: 'client', command, revision }, required)).toEqual([])
  })
})

/** What asks its client in the middle of a call, which takes a session of 2025. */
const SESSIONFUL = /sampling|elicitation|subscribe$|server-sse-multiple-streams/

const stateless = 'a server that asks nothing serves 2025 without sessions'
test.concurrent(stateless, { timeout: TIMEOUT_MS }, async ({ expect }) => {
  const revision = '2025-11-25'
  const required = requiredScenarios(revision, 'server').filter((name) => !SESSIONFUL.test(name))
  await using server = await openFixtureServer({ asksClients: false })
  // What needs a session waits in vain, for no longer than this.
  const subject = { kind: 'server', url: server.url, revision, timeoutMs: 4_000 } as const
  expect(await faultsOf(subject, required)).toEqual([])
  // Control: the suite sees what is missing, so it would see a server that is broken.
  const elicitation = await runScenario(subject, 'tools-call-elicitation')
  expect(elicitation.hasPassed).toBe(false)
})
