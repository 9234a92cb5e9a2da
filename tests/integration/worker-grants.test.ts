import { canonicalHash } from '@chimera/contracts/canonical'
import { newId } from '@chimera/contracts/ids'
import { TOOLS } from '@chimera/contracts/tools'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { loadReviewedDefinitions } from '@chimera/infra/tools/reviewed-definitions'
import { openToolClient, ToolUnreachableError } from '@chimera/infra/tools/tool-client'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { EXECUTORS } from '@chimera/worker/executors/executors'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import {
  countIn,
  log,
  openWorkerRig,
  readyTasks,
  resultsOf,
  ring,
  until,
  type WorkerRig,
} from './worker-rig.ts'
import {
  grantedEffect,
  openAccount,
  openToolServerDouble,
  publishGrant,
  receiptsOf,
  TWEET,
  type Answer,
} from './worker-tool-server.ts'

const TOKEN = 'the-token-of-the-workers'

let rig: WorkerRig
beforeAll(async () => {
  rig = await openWorkerRig()
})
afterAll(() => rig[Symbol.asyncDispose]())
beforeEach(() => rig.redis.client.flushall())

/** A server for an account of its own, and a Worker. */
async function openScene(answer: Answer, of: { token?: string; pinned?: string } = {}) {
  const stack = new AsyncDisposableStack()
  const account = `x:${newId()}`
  const server = stack.use(await openToolServerDouble({ answer, token: TOKEN }))
  const definitions = of.pinned === undefined ? server.definitions : { post_tweet: of.pinned }
  await openAccount(rig.database, { account, url: server.url, definitions })
  stack.use(await rig.start({ toolToken: of.token ?? TOKEN }))
  return { account, server, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const publish = (grantId: string, over?: { tool?: string; grant?: string }) =>
  publishGrant(rig, grantId, over)

/** True when everything on `chimera:effects` was read and acknowledged. */
async function isSettled(): Promise<boolean> {
  const [state] = await inspectStreams({ redis: rig.redis, streams: ['chimera:effects'] })
  return state?.lag === 0 && state.pending === 0
}

describe('carrying a grant', () => {
  test('the row’s grant and arguments go out, the receipt comes in', async () => {
    await using scene = await openScene(() => ({ receipt: 'a signed receipt' }))
    const grantId = await grantedEffect(rig.database, scene)
    await publish(grantId, { tool: 'transfer_native', grant: 'a forged grant' })
    const [receipt] = await until(
      () => receiptsOf(rig.database, grantId),
      (rows) => rows.length > 0,
    )
    expect(receipt?.jws).toBe('a signed receipt')
    expect(scene.server.calls).toMatchObject([
      { tool: 'post_tweet', args: TWEET, context: { grant: `grant of ${grantId}` } },
    ])
    const rings = await until(
      () => rig.redis.client.xrange('chimera:results', '-', '+'),
      (entries) => entries.length > 0,
    )
    expect(rings.map(([, fields]) => JSON.parse(fields.at(-1) ?? '') as unknown)).toEqual([
      { look_at: 'receipt', id: receipt?.id },
    ])
    expect(await until(isSettled, Boolean)).toBe(true)
  })

  test('an unknown, a settled and a cancelled grant are dropped without a call', async () => {
    await using scene = await openScene(() => ({ receipt: 'a receipt' }))
    const denied = { ...scene, state: 'NEEDS_HUMAN' }
    const settled = await grantedEffect(rig.database, denied)
    const cancelling = await grantedEffect(rig.database, { ...scene, cancelling: true })
    for (const grantId of [newId(), settled, cancelling]) await publish(grantId)
    expect(await until(isSettled, Boolean)).toBe(true)
    expect(scene.server.calls).toEqual([])
  })

  test('a server without a receipt is asked three times, and nothing is concluded', async () => {
    await using scene = await openScene(() => ({}))
    const grantId = await grantedEffect(rig.database, scene)
    await publish(grantId)
    await until(
      () => scene.server.calls.length,
      (n) => n >= 3,
    )
    expect(await until(isSettled, Boolean)).toBe(true)
    expect(scene.server.calls).toHaveLength(3)
    expect(await receiptsOf(rig.database, grantId)).toEqual([])
    const [effect] = await rig.database.query<{ state: string }>({
      text: 'SELECT state FROM effects WHERE grant_id = $1',
      values: [grantId],
    })
    expect(effect?.state).toBe('GRANTED')
  })

  test('a server that opens in between is asked again and answers', async () => {
    let times = 0
    await using scene = await openScene(() => {
      times += 1
      return times < 3 ? {} : { receipt: 'at the third time' }
    })
    const grantId = await grantedEffect(rig.database, scene)
    await publish(grantId)
    const rows = await until(
      () => receiptsOf(rig.database, grantId),
      (all) => all.length > 0,
    )
    expect(rows.map(({ jws }) => jws)).toEqual(['at the third time'])
  })

  test('a tool whose definition is not the pinned one is never called', async () => {
    const receipt = { receipt: 'a receipt' }
    await using scene = await openScene(() => receipt, { pinned: 'f'.repeat(64) })
    const grantId = await grantedEffect(rig.database, scene)
    await publish(grantId)
    expect(await until(isSettled, Boolean)).toBe(true)
    expect(scene.server.calls).toEqual([])
    expect(await receiptsOf(rig.database, grantId)).toEqual([])
  })

  test('a hung account does not keep another account waiting', async () => {
    const { promise: never, resolve: release } = Promise.withResolvers<{ receipt: string }>()
    await using slow = await openScene(() => never)
    await using server = await openToolServerDouble({
      answer: () => ({ receipt: 'quick' }),
      token: TOKEN,
    })
    const account = `x:${newId()}`
    await openAccount(rig.database, { account, url: server.url, definitions: server.definitions })
    const hung = await grantedEffect(rig.database, slow)
    const quick = await grantedEffect(rig.database, { account })
    await publish(hung)
    await publish(quick)
    const rows = await until(
      () => receiptsOf(rig.database, quick),
      (all) => all.length > 0,
    )
    expect(rows).toHaveLength(1)
    release({ receipt: 'slow' })
    await until(
      () => receiptsOf(rig.database, hung),
      (all) => all.length > 0,
    )
  })
})

describe('the tool client', () => {
  const call = { tool: 'post_tweet', args: TWEET, timeoutMs: 2_000 }

  test('tells apart what never left, what nobody answered, and what is refused', async () => {
    const { promise: never } = Promise.withResolvers<{ receipt: string }>()
    const server = await openToolServerDouble({ answer: () => never, token: TOKEN })
    const { url, definitions } = server
    const definitionHash = definitions.post_tweet
    await using client = openToolClient({ url, token: TOKEN, log })
    await expect(
      client.callTool({ ...call, definitionHash, timeoutMs: 100 }),
    ).rejects.toMatchObject({ code: 'TOOL_FAILED', message: /what became of the call/ })
    await using stranger = openToolClient({ url, token: 'no-token', log })
    await expect(stranger.callTool({ ...call, definitionHash })).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    })
    await server[Symbol.asyncDispose]()
    await using late = openToolClient({ url, token: TOKEN, log })
    await expect(late.callTool({ ...call, definitionHash })).rejects.toBeInstanceOf(
      ToolUnreachableError,
    )
  })

  test('calls no tool whose definition is another than the one that was reviewed', async () => {
    const answer = () => ({ receipt: 'a receipt' })
    await using server = await openToolServerDouble({ answer, token: TOKEN })
    const { url, definitions } = server
    const definitionHash = definitions.post_tweet
    const openWith = (hash: string) =>
      openToolClient({ url, token: TOKEN, log, reviewed: new Map([['post_tweet', hash]]) })
    await using changed = openWith('0'.repeat(64))
    // Server and record agree: the server was changed, and the record has pinned it so.
    await expect(changed.callTool({ ...call, definitionHash })).rejects.toMatchObject({
      code: 'TOOL_NOT_AVAILABLE',
      message: /reviewed/,
    })
    expect(server.calls).toHaveLength(0)
    await using same = openWith(definitionHash)
    expect((await same.callTool({ ...call, definitionHash })).isError).toBe(false)
    // Control: without the review the changed one would have been called.
    await using unguarded = openToolClient({ url, token: TOKEN, log })
    expect((await unguarded.callTool({ ...call, definitionHash })).isError).toBe(false)
  })

  test('this release was reviewed with every tool that workers may be sent to', () => {
    const reviewed = [...loadReviewedDefinitions().keys()]
    expect(reviewed).toEqual(expect.arrayContaining(Object.keys(TOOLS)))
  })

  test('goes on when its server has been started again', async () => {
    const answer = () => ({ receipt: 'a receipt' })
    const first = await openToolServerDouble({ answer, token: TOKEN })
    const definitionHash = first.definitions.post_tweet
    await using client = openToolClient({ url: first.url, token: TOKEN, log })
    expect((await client.callTool({ ...call, definitionHash })).isError).toBe(false)
    await first[Symbol.asyncDispose]()
    await expect(client.callTool({ ...call, definitionHash })).rejects.toMatchObject({
      code: 'TOOL_FAILED',
    })
    const port = Number(new URL(first.url).port)
    await using second = await openToolServerDouble({ answer, token: TOKEN, port })
    expect(second.url).toBe(first.url)
    expect((await client.callTool({ ...call, definitionHash })).isError).toBe(false)
  })
})

describe('reading', () => {
  test('a trade scan reads candles where they are served, and is denied elsewhere', async () => {
    const account = `x:${newId()}`
    await using server = await openToolServerDouble({ answer: () => ({}), token: TOKEN })
    const task = { kind: 'trade.scan' as const, symbols: ['BTC', 'ETHUSD'] }
    const [denied = '', scanned = ''] = await readyTasks(rig.database, [task, task])
    await using worker = await rig.start({ executors: EXECUTORS, toolToken: TOKEN })
    await ring(rig, [denied], { type: 'TRANSACTION' })
    expect(
      await until(
        () => countIn(rig.database, [denied], 'judging'),
        (n) => n === 1,
      ),
    ).toBe(1)
    const definitions = { get_candles: canonicalHash(server.candleDefinition) }
    await openAccount(rig.database, { account, url: server.url, definitions })
    await ring(rig, [scanned], { type: 'TRANSACTION' })
    await until(
      () => countIn(rig.database, [scanned], 'judging'),
      (n) => n === 1,
    )
    const [no, yes] = await resultsOf(rig.database, [denied, scanned])
    expect(no?.outcome).toMatchObject({
      outcome: 'failure',
      kind: 'denied',
      failure: { code: 'TOOL_NOT_AVAILABLE', message: /No trading server serves get_candles/ },
    })
    expect(yes?.outcome).toMatchObject({
      result: {
        artifacts: [
          {
            content: [
              { symbol: 'BTC', candles: { closes: [3] } },
              { symbol: 'ETHUSD', candles: { closes: [6] } },
            ],
          },
        ],
      },
    })
    worker.check()
  })
})

describe('the control client', () => {
  test('parses what the server says and names what it refuses', async () => {
    await using server = await openToolServerDouble({
      answer: () => ({}),
      token: TOKEN,
      control: {
        fence: ({ epoch }) => ({ epoch, in_flight: ['key'] }),
        reconcile: () => Promise.resolve({ receipts: ['jws'], next_in_ms: 5 }),
        entries: () => [],
      },
    })
    const control = openToolControl({ url: server.url, token: 'the-control-token' })
    const fence = { scope: 'everything', epoch: 3, stopped: true }
    expect(await control.fence(fence)).toEqual({ epoch: 3, in_flight: ['key'] })
    expect(await control.reconcile()).toEqual({ receipts: ['jws'], next_in_ms: 5 })
    expect(await control.ledger()).toEqual([])
    const stopper = openToolControl({ url: server.url, token: 'the-stop-token' })
    await expect(stopper.reconcile()).rejects.toMatchObject({ code: 'FORBIDDEN' })
    const stranger = openToolControl({ url: server.url, token: 'no-token' })
    await expect(stranger.fence(fence)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    const nobody = openToolControl({ url: 'http://127.0.0.1:1', token: 'no-token' })
    await expect(nobody.status()).rejects.toMatchObject({ code: 'TOOL_FAILED' })
  })
})
