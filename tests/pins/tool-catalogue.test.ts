/**
 * What tools/list shows of every tool server. A grant names the hash of the definition it was made
 * for, so one changed word closes the door for every grant under way, and a model plans by what it
 * reads here. `vitest run --project unit tests/pins -u` writes the files; their review decides.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import { SWARM_TOOLS, TOOLS } from '@chimera/contracts/tools'
import { openLedger } from '@chimera/mcp-kit/ledger/ledger'
import type { ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { openGatewayApi } from '@chimera/mcp-swarm/gateway-api'
import { swarmTools } from '@chimera/mcp-swarm/swarm-tools'
import { hyperliquidVenue } from '@chimera/mcp-trading/hyperliquid/hyperliquid-venue'
import { openAgentWallet } from '@chimera/mcp-trading/hyperliquid/signing/agent-wallet'
import { limitsOf } from '@chimera/mcp-trading/limits/trading-limits'
import { tradingTools } from '@chimera/mcp-trading/tools/trading-tools'
import { openMediaStore } from '@chimera/mcp-tweet/media-store'
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
  media: openMediaStore(undefined),
  cooldownMs: 900_000,
  sendTimeoutMs: 10_000,
})

const wallet = openAgentWallet(`0x${'1'.repeat(64)}`, 'testnet')
const baseUrl = new URL('http://127.0.0.1:9')
const paper = { name: 'paper', baseUrl, wallet, account: wallet.address, now: Date.now } as const
const tradingOn = (mode: 'paper' | 'live') =>
  tradingTools({
    venue: hyperliquidVenue(paper),
    mode: { name: mode, why: [] },
    ledger,
    limits: limitsOf({}),
    restricted: new Set(),
    sendTimeoutMs: 10_000,
  })
const trading = tradingOn('paper')

const hashesOf = (tools: readonly ServedTool[]) =>
  tools.map(({ definition }) => `${definition.name} ${canonicalHash(definition)}`)

test('the definitions of the tweet server', async () => {
  const definitions = tweet.map(({ definition }) => definition)
  await expect(`${JSON.stringify(definitions, null, 2)}\n`).toMatchFileSnapshot(
    join(CHECKOUT, 'contracts', 'schemas', 'tools', 'tweet.json'),
  )
  expect(hashesOf(tweet)).toMatchInlineSnapshot(`
    [
      "post_tweet 6b4c94ea70399e8cecca06b9d40f980a424db40ccbc25a0e04543bcbb8041acf",
      "reply_tweet 2bddd5b1cf7812c232e33a5c9a9519f012f0688f8e9f65095b500c410902f5c9",
      "delete_tweet 6893f545a679a68348e8fe7368ecc3d4c5b1e51f439384a67ede9246f4696ba4",
      "get_tweet 39de774448ac5e3d1a2ee085a411a6ee9ec1fa1f155484d70baa07cea31de7f7",
      "get_mentions f4f7b0271158394bb9c82c6bc839fb840cf7feb2d9b8f257c7ef01f7f1fc5cb9",
      "get_cooldown c27a608d990671ef41fb2e7cce65947976ef5d085e4d99d3081035776b503c94",
      "estimate_cost c624a0b56d15ac7215f93b77c16531ec3e7e49e697b12a7d8e98e26da849cb97",
    ]
  `)
})

test('the definitions of the trading server, which are the same live', async () => {
  const definitions = trading.map(({ definition }) => definition)
  await expect(`${JSON.stringify(definitions, null, 2)}\n`).toMatchFileSnapshot(
    join(CHECKOUT, 'contracts', 'schemas', 'tools', 'trading.json'),
  )
  expect(hashesOf(trading)).toMatchInlineSnapshot(`
    [
      "get_markets bff16775fe66fdeddc46aed8adf380d65533722a41b1e03364ceb729a04f91b2",
      "get_price 8c8520ef624d803745bc3ecad461f0fbe19ec97270baf7cbf732f2e848e12a86",
      "get_orderbook cd22e1ebbc703094bf769f9aece1f82c28ffc982b8870d487c491b63b10b2168",
      "get_candles 551aabee214671935ba0f439b979f0c4f4d4dcf62fc51fadd325ef0a86cb5ecc",
      "get_mode 866244cf0aeb28f9176edad7afc9f96dd400184983d0bc18fcd644d5af39d2e0",
      "get_positions 4be77ab8ab1b3527ea50444d09414f6244d83dcb96312c10158c5f3fbb988ecc",
      "get_orders 71136b5710b2c73bba71f642b6af8f286ea2a3b108174b089752146beb15b49d",
      "place_order 5d7e3500302b7104046762d63e3a8bc84d3eaca0ec6e0023ada69095b0275fdf",
      "cancel_order 0cf8ae19065a0bfcccf437a17b895b9f3ce51513b1c8055e08691b7a77b8c37a",
      "cancel_all dde4b020304ed667cd75ca0242084b5ca203505d5d35860cd055f0c7a691778b",
      "close_position 5221d9817457d13aceafb6703955a62e13e7cdae94a8b5a611bf0205473cd1bd",
      "raise_kill cb7c5c2b52dfd9693b2a760e123e42a9561f2ce7973a3171acb39f506aaee6cf",
    ]
  `)
  expect(hashesOf(tradingOn('live'))).toEqual(hashesOf(trading))
})

test('an order asks for another scope where it is real', () => {
  const scopesOn = (mode: 'paper' | 'live') =>
    new Set(
      tradingOn(mode)
        .filter(({ kind }) => kind === 'effect')
        .map(({ scope }) => scope),
    )
  expect(scopesOn('paper')).toEqual(new Set(['trade:paper']))
  expect(scopesOn('live')).toEqual(new Set(['trade:live']))
})

const swarm = swarmTools(openGatewayApi({ url: 'http://127.0.0.1:9', token: 'asked for nothing' }))

test('the definitions of the swarm server', async () => {
  const definitions = swarm.map(({ definition }) => definition)
  await expect(`${JSON.stringify(definitions, null, 2)}\n`).toMatchFileSnapshot(
    join(CHECKOUT, 'contracts', 'schemas', 'tools', 'swarm.json'),
  )
  expect(hashesOf(swarm)).toMatchInlineSnapshot(`
    [
      "submit_goal 3e0bb18aab71d3e9ce7d3539e067da3fd704eae594b5a9892e7f1f89c4123d76",
      "get_goal ae913e9e258ab6a7e030f4da63295cf40c4ad676cbaa953bb8a532e165cb6189",
      "list_goals 3517dddc60fa19f6c19271c015feb16a205dd72a8ddd6f61d79d82f5d7f91ef3",
      "cancel_goal 88aa205a17d29d019a5751a2629d0607d8f47cfaec0956ef7784d1606e5709e4",
      "list_approvals 8af57247aa62b2513e98d9673a28747a9c8da450239b326030d3cac42fc275fb",
    ]
  `)
})

test('the tools of the swarm are those of the contract, and no plan may name them', () => {
  const served = swarm.map(({ definition, scope }) => [
    definition.name,
    { mutating: !definition.annotations.readOnlyHint, scope },
  ])
  expect(Object.fromEntries(served)).toEqual(SWARM_TOOLS)
  for (const name of Object.keys(SWARM_TOOLS)) expect(Object.hasOwn(TOOLS, name)).toBe(false)
})

test('every tool that plans may name is served by its server, with its scope', () => {
  for (const [of, tools] of Object.entries({ tweet, trading })) {
    const served = tools.map(({ definition, scope, kind }) => ({
      name: definition.name,
      scope,
      kind,
    }))
    const planned = Object.entries(TOOLS)
      .filter(([, { server }]) => server === of)
      .map(([name, { scope, mutating }]) => ({ name, scope, kind: mutating ? 'effect' : 'read' }))
    expect(served.toSorted(byName)).toEqual(planned.toSorted(byName))
  }
})

const byName = (left: { name: string }, right: { name: string }): number =>
  left.name < right.name ? -1 : 1

test('one word more in a description is another hash', () => {
  const [post] = tweet
  const definition = { ...post?.definition, description: `${post?.definition.description} Now.` }
  expect(canonicalHash(definition)).not.toBe(canonicalHash(post?.definition))
})
