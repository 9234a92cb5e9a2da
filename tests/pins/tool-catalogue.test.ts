/**
 * What tools/list shows of every tool server. A grant names the hash of the definition it was made
 * for, so one changed word closes the door for every grant under way, and a model plans by what it
 * reads here. `vitest run --project unit tests/pins -u` writes the files; their review decides.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import { TOOLS } from '@chimera/contracts/tools'
import { openLedger } from '@chimera/mcp-kit/ledger/ledger'
import type { ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { simulatedNetwork } from '@chimera/mcp-tweet/network/simulated-network'
import { tweetTools } from '@chimera/mcp-tweet/tweet-tools'
import { afterAll, expect, test } from 'vitest'

import { CHECKOUT } from '../source-tree.ts'

const folder = mkdtempSync(join(tmpdir(), 'chimera-catalogue-'))
const ledger = openLedger({ path: join(folder, 'ledger.sqlite'), account: 'pinned' })

afterAll(() => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const tweet = tweetTools({
  network: simulatedNetwork({ baseUrl: 'http://127.0.0.1:9', token: 'asked for nothing' }),
  ledger,
  cooldownMs: 900_000,
  sendTimeoutMs: 10_000,
})

const hashesOf = (tools: readonly ServedTool[]) =>
  tools.map(({ definition }) => `${definition.name} ${canonicalHash(definition)}`)

test('the definitions of the tweet server', async () => {
  const definitions = tweet.map(({ definition }) => definition)
  await expect(`${JSON.stringify(definitions, null, 2)}\n`).toMatchFileSnapshot(
    join(CHECKOUT, 'contracts', 'schemas', 'tools', 'tweet.json'),
  )
  expect(hashesOf(tweet)).toMatchInlineSnapshot(`
    [
      "post_tweet 94dee960159706112fdcfc2153297c79a765656a4d3ce5a378d98aff935f6b68",
      "reply_tweet 6c35d0124483ff70ca4f1fe148f35d7a747c2cf5f7b3e8f3cdacf12b1ed3fe43",
      "get_cooldown c27a608d990671ef41fb2e7cce65947976ef5d085e4d99d3081035776b503c94",
    ]
  `)
})

test('every tool that plans may name is served by its server, with its scope', () => {
  const served = tweet.map(({ definition, scope, kind }) => ({
    name: definition.name,
    scope,
    kind,
  }))
  const planned = Object.entries(TOOLS)
    .filter(([, { server }]) => server === 'tweet')
    .map(([name, { scope, mutating }]) => ({ name, scope, kind: mutating ? 'effect' : 'read' }))
  expect(served).toEqual(planned)
})

test('one word more in a description is another hash', () => {
  const [post] = tweet
  const definition = { ...post?.definition, description: `${post?.definition.description} Now.` }
  expect(canonicalHash(definition)).not.toBe(canonicalHash(post?.definition))
})
