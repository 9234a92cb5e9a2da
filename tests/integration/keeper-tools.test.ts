import { createServer, type Server } from 'node:http'

import { newId } from '@chimera/contracts/ids'
import type { ToolStatus } from '@chimera/contracts/tool-control'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { expect, test } from 'vitest'
import { z } from 'zod'

import {
  ACCOUNT,
  addEffect,
  createGroups,
  markerIsSaved,
  openScene,
  payloads,
  type Scene,
} from './keeper-scene.ts'

test('a new boot is registered, greeted with its signed hello and opened', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect
    .poll(() => account(scene), { timeout: 5_000 })
    .toMatchObject({ state: 'open', boot: server.boot, definitions: { post_tweet: 'hash' } })
  expect(server.asked).toContain(`hello hello-of-${server.boot}`)
  const [boot] = await scene.database.query({ text: 'SELECT * FROM tool_boots' })
  expect(boot).toMatchObject({ ledger_id: server.ledgerId, seq: '7' })
  expect(boot?.['opened_at']).toBeInstanceOf(Date)
  const entries = await scene.database.query<{ item: { to: string } }>({
    text: 'SELECT jsonb_array_elements(items) AS item FROM audit_entries ORDER BY created_at',
  })
  expect(entries.map(({ item }) => item.to)).toEqual(['SEEN', 'OPENED'])
})

test('a killed server is seen at once and opened at its new boot; its old grants end', async () => {
  await using scene = await openScene()
  const server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect.poll(() => account(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
  const { effectId } = await addEffect(scene, { boot: server.boot, expires: '50 s' })
  await server[Symbol.asyncDispose]()
  await expect
    .poll(() => account(scene), { timeout: 2_000 })
    .toMatchObject({ state: 'closed', reason: 'UNREACHABLE' })
  await using reborn = await openFakeServer({ port: server.port, ledgerId: server.ledgerId })
  await judgeSignsHello(scene, reborn.boot)
  await expect
    .poll(() => account(scene), { timeout: 2_000 })
    .toMatchObject({ state: 'open', boot: reborn.boot })
  await expect
    .poll(() => effect(scene, effectId))
    .toMatchObject({ state: 'GRANTED', cancelling: true, void_reason: 'boot_changed' })
  await expect
    .poll(() => payloads(scene, 'chimera:results'))
    .toContainEqual(expect.objectContaining({ look_at: 'effect', id: effectId }))
})

test('a grant that ran out is asked about, and the signed question brings a receipt', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect.poll(() => account(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
  // Stops are for grants: void, look-up and reconcile work all the same.
  await raiseStop(scene.database, { scope: 'everything', actor: 'test' })
  const { effectId, grantId } = await addEffect(scene, { boot: server.boot, expires: '-1 s' })
  await expect
    .poll(() => effect(scene, effectId), { timeout: 3_000 })
    .toMatchObject({ state: 'GRANTED', cancelling: true, void_reason: 'expired' })
  server.answer = [receipt(grantId, 'VOID'), receipt(newId(), 'VOID'), 'nonsense']
  await scene.database.query({
    text: `UPDATE effects SET void_jws = 'question', void_boot = $1`,
    values: [server.boot],
  })
  await expect.poll(() => receipts(scene), { timeout: 3_000 }).toHaveLength(1)
  expect(server.asked).toContain('void question')
  const [row] = await receipts(scene)
  expect(row).toMatchObject({ grant_id: grantId, carried_by: 'keeper-1', judged_at: null })
  expect(await payloads(scene, 'chimera:results')).toContainEqual(
    expect.objectContaining({ look_at: 'receipt', id: row?.['id'] }),
  )
})

test('an unknown effect is looked up when its server says, and only news is filed', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect.poll(() => account(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
  const { grantId } = await addEffect(scene, { boot: server.boot, expires: '50 s' })
  await scene.database.query({ text: `UPDATE effects SET state = 'UNKNOWN'` })
  const looked = () => server.asked.filter((line) => line.startsWith('reconcile'))
  server.nextInMs = 60_000
  server.answer = [receipt(grantId, 'UNKNOWN')]
  await expect.poll(() => looked().length, { timeout: 3_000 }).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(looked()).toEqual([`reconcile ["${grantId}"]`])
  expect(await receipts(scene)).toHaveLength(0)
})

test('a stop that a server missed is brought to it', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect.poll(() => account(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
  await raiseStop(scene.database, { scope: 'everything', actor: 'test' })
  await expect.poll(() => server.asked, { timeout: 2_000 }).toContain('fence everything 1 true')
})

test('a server that stays closed says why in the record', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  server.closedFor = 'LEDGER_BEHIND'
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect
    .poll(() => account(scene), { timeout: 5_000 })
    .toMatchObject({ state: 'closed', reason: 'LEDGER_BEHIND', boot: null })
})

test('a server that answers for another account is never opened', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  server.account = 'x:somebody'
  await prepare(scene, server)
  scene.openKeeper()
  await expect
    .poll(() => account(scene), { timeout: 5_000 })
    .toMatchObject({ state: 'closed', reason: 'WRONG_ACCOUNT' })
  expect(await scene.database.query({ text: 'SELECT * FROM tool_boots' })).toEqual([])
})

type FakeServer = AsyncDisposable & {
  port: number
  boot: string
  ledgerId: string
  account: string
  /** Why it stays closed after the hello. */
  closedFor?: string
  /** What it was asked, in order. */
  asked: string[]
  answer: string[]
  nextInMs?: number
}

/** Speaks `/control/*` of a tool server; what it says is the test's. */
async function openFakeServer(of: { port?: number; ledgerId?: string } = {}): Promise<FakeServer> {
  const state = {
    boot: newId(),
    ledgerId: of.ledgerId ?? newId(),
    account: ACCOUNT,
    asked: [] as string[],
    answer: [] as string[],
    isOpen: false,
  }
  const fake: typeof state & { closedFor?: string; nextInMs?: number } = state
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const answer = answerTo(fake, request.url ?? '', body)
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(of.port ?? 0, '127.0.0.1', resolve))
  return Object.assign(fake, { port: portOf(server), [Symbol.asyncDispose]: () => kill(server) })
}

const Body = z.record(z.string(), z.unknown())

function answerTo(
  fake: Omit<FakeServer, 'port' | typeof Symbol.asyncDispose> & { isOpen: boolean },
  path: string,
  body: string,
): unknown {
  const given = Body.parse(body === '' ? {} : JSON.parse(body))
  const replies = {
    receipts: fake.answer,
    ...(fake.nextInMs === undefined ? {} : { next_in_ms: fake.nextInMs }),
  }
  switch (path) {
    case '/control/hello':
      fake.asked.push(`hello ${String(given['hello'])}`)
      fake.isOpen = fake.closedFor === undefined
      return statusOf(fake)
    case '/control/void':
      fake.asked.push(`void ${String(given['void'])}`)
      return replies
    case '/control/reconcile':
      fake.asked.push(`reconcile ${JSON.stringify(given['grant_ids'])}`)
      return replies
    case '/control/fence':
      fake.asked.push(
        `fence ${String(given['scope'])} ${String(given['epoch'])} ${String(given['stopped'])}`,
      )
      return { epoch: given['epoch'], in_flight: [] }
    default:
      return statusOf(fake)
  }
}

const statusOf = (
  fake: Pick<FakeServer, 'account' | 'boot' | 'ledgerId' | 'closedFor'> & { isOpen: boolean },
): ToolStatus => ({
  name: 'tweet',
  account: fake.account,
  backend: 'simulated',
  live: false,
  grants: 'required',
  state: fake.isOpen ? 'open' : 'closed',
  ...(fake.isOpen || fake.closedFor === undefined ? {} : { reason: fake.closedFor }),
  ledger: { id: fake.ledgerId, boot: fake.boot, seq: 7, path: '/nowhere' },
  fences: {},
  definitions: { post_tweet: 'hash' },
})

function portOf(server: Server): number {
  const address = server.address()
  return address === null || typeof address === 'string' ? 0 : address.port
}

async function kill(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}

async function prepare(scene: Scene, server: FakeServer): Promise<void> {
  await createGroups(scene)
  await upsertAccount(scene.database, {
    account: ACCOUNT,
    server: 'tweet',
    url: `http://127.0.0.1:${server.port}`,
    backend: 'simulated',
    live: false,
    bindings: [],
  })
}

/** Waits for the ring, as the Judge does, and writes what the Judge writes. */
async function judgeSignsHello(scene: Scene, boot: string): Promise<void> {
  await markerIsSaved(scene)
  await expect
    .poll(() => payloads(scene, 'chimera:results'), { timeout: 5_000 })
    .toContainEqual(expect.objectContaining({ look_at: 'boot', id: boot }))
  await scene.database.query({
    text: `UPDATE tool_boots SET hello = 'hello-of-' || boot WHERE boot = $1`,
    values: [boot],
  })
}

async function account({ database }: Scene) {
  const [row] = await database.query({ text: 'SELECT * FROM tool_accounts' })
  return row
}

async function effect({ database }: Scene, id: string) {
  const [row] = await database.query({ text: 'SELECT * FROM effects WHERE id = $1', values: [id] })
  return row
}

const receipts = ({ database }: Scene) => database.query({ text: 'SELECT * FROM receipts' })

/** A receipt that nobody signed: the Keeper files, the Judge believes or not. */
function receipt(grantId: string, state: string): string {
  const hash = '0'.repeat(64)
  const claims = {
    iss: ACCOUNT,
    iat: 1,
    ledger_id: newId(),
    boot: newId(),
    seq: 8,
    grant_id: grantId,
    effect_key: hash,
    round: 1,
    args_hash: hash,
    tool: 'post_tweet',
    mode: 'paper',
    state,
    simulated: true,
  }
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
}
