/**
 * A tool server whose every word is the test's, the Judge's part in greeting it, and its account.
 */
import { createServer, type Server } from 'node:http'

import { newId } from '@chimera/contracts/ids'
import type { ToolStatus } from '@chimera/contracts/tool-control'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { expect } from 'vitest'
import { z } from 'zod'

import { ACCOUNT, createGroups, markerIsSaved, payloads, type Scene } from './keeper-scene.ts'

export type FakeServer = AsyncDisposable & {
  port: number
  boot: string
  ledgerId: string
  account: string
  isOpen: boolean
  /** Why it stays closed after the hello. */
  closedFor?: string
  /** What it was asked, in order. */
  asked: string[]
  answer: string[]
  nextInMs?: number
  /** The only hello that opens it; any when not said. */
  opensTo?: string
  /** Path -> the problem that it answers there. */
  refuses: Record<string, { status: number; code: string; detail: string }>
  fences: Record<string, { epoch: number; stopped: boolean }>
  /** Scope -> kill epoch. */
  kill: Record<string, number>
}

/** Speaks `/control/*` of a tool server; what it says is the test's. */
export async function openFakeServer(
  of: { port?: number; ledgerId?: string } = {},
): Promise<FakeServer> {
  const fake: Omit<FakeServer, 'port' | typeof Symbol.asyncDispose> = {
    boot: newId(),
    ledgerId: of.ledgerId ?? newId(),
    account: ACCOUNT,
    asked: [],
    answer: [],
    isOpen: false,
    refuses: {},
    fences: {},
    kill: {},
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const path = request.url ?? ''
      const answer = answerTo(fake, path, body)
      const problem = fake.refuses[path]
      if (problem !== undefined) response.writeHead(problem.status)
      response.end(JSON.stringify(problem ?? answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(of.port ?? 0, '127.0.0.1', resolve))
  return Object.assign(fake, { port: portOf(server), [Symbol.asyncDispose]: () => kill(server) })
}

type Fake = Omit<FakeServer, 'port' | typeof Symbol.asyncDispose>

const Body = z.record(z.string(), z.unknown())

function answerTo(fake: Fake, path: string, body: string): unknown {
  const given = Body.parse(body === '' ? {} : JSON.parse(body))
  const replies = {
    receipts: fake.answer,
    ...(fake.nextInMs === undefined ? {} : { next_in_ms: fake.nextInMs }),
  }
  switch (path) {
    case '/control/hello': {
      const hello = String(given['hello'])
      fake.asked.push(`hello ${hello}`)
      fake.isOpen = fake.closedFor === undefined || fake.opensTo === hello
      return statusOf(fake)
    }
    case '/control/void':
      fake.asked.push(`void ${String(given['void'])}`)
      return replies
    case '/control/settle':
      fake.asked.push(`settle ${String(given['settle'])}`)
      return replies
    case '/control/adopt':
      fake.asked.push(`adopt ${String(given['adopt'])}`)
      return statusOf(fake)
    case '/control/reconcile':
      fake.asked.push(`reconcile ${JSON.stringify(given['grant_ids'])}`)
      return replies
    case '/control/fence': {
      const { scope, epoch, stopped } = Fence.parse(given)
      fake.asked.push(`fence ${scope} ${epoch} ${String(stopped)}`)
      fake.fences[scope] = { epoch, stopped }
      return { epoch, in_flight: [] }
    }
    case '/control/kill': {
      const { scope, level, epoch } = Kill.parse(given)
      fake.asked.push(`kill ${scope} ${level} ${epoch}`)
      fake.kill[scope] = epoch
      return { level, epochs: fake.kill, in_flight: [], history: [] }
    }
    default:
      return statusOf(fake)
  }
}

const Kill = z.object({ scope: z.string(), level: z.int(), epoch: z.int() })
const Fence = z.object({ scope: z.string(), epoch: z.int(), stopped: z.boolean() })

function statusOf(fake: Fake): ToolStatus {
  const isFenced = fake.fences['everything']?.stopped === true
  return {
    name: 'tweet',
    account: fake.account,
    backend: 'simulated',
    live: false,
    grants: 'required',
    state: fake.isOpen ? (isFenced ? 'fenced' : 'open') : 'closed',
    ...(fake.isOpen || fake.closedFor === undefined ? {} : { reason: fake.closedFor }),
    ledger: { id: fake.ledgerId, boot: fake.boot, seq: 7, path: '/nowhere' },
    fences: Object.fromEntries(
      Object.entries(fake.fences).map(([scope, { epoch }]) => [scope, epoch]),
    ),
    kill: fake.kill,
    definitions: { post_tweet: 'hash' },
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return address === null || typeof address === 'string' ? 0 : address.port
}

async function kill(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}

/** Enters the server in the record, as the stack does. */
export async function prepare(scene: Scene, server: FakeServer): Promise<void> {
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
export async function judgeSignsHello(scene: Scene, boot: string): Promise<void> {
  await markerIsSaved(scene)
  await expect
    .poll(() => payloads(scene, 'chimera:results'), { timeout: 5_000 })
    .toContainEqual(expect.objectContaining({ look_at: 'boot', id: boot }))
  await scene.database.query({
    text: `UPDATE tool_boots SET hello = 'hello-of-' || boot WHERE boot = $1`,
    values: [boot],
  })
}

/** A keeper that has opened the server. */
export async function openScenesServer(scene: Scene, server: FakeServer): Promise<void> {
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect.poll(() => accountOf(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
}

export async function accountOf({ database }: Scene) {
  const [row] = await database.query({ text: 'SELECT * FROM tool_accounts' })
  return row
}

export async function effectOf({ database }: Scene, id: string) {
  const [row] = await database.query({ text: 'SELECT * FROM effects WHERE id = $1', values: [id] })
  return row
}

export const receiptsOf = ({ database }: Scene) =>
  database.query({ text: 'SELECT * FROM receipts ORDER BY id' })

/** A receipt that nobody signed: the Keeper files, the Judge believes or not. */
export function receipt(grantId: string, state: string, effectKey = '0'.repeat(64)): string {
  const claims = {
    iss: ACCOUNT,
    iat: 1,
    ledger_id: newId(),
    boot: newId(),
    seq: 8,
    grant_id: grantId,
    effect_key: effectKey,
    round: 1,
    args_hash: '0'.repeat(64),
    tool: 'post_tweet',
    mode: 'paper',
    state,
    simulated: true,
  }
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
}
