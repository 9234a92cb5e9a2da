/**
 * The effect protocol in one process, on its real parts: the Judge on PostgreSQL, one tool account
 * with its ledger, the tweet tools, a simulated X. Worker and Keeper are the steps below, so that a
 * test takes them in any order, late, twice or not at all. The names in quotes are the model's
 * (`effects.py`).
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { CrashPoint } from '@chimera/contracts/crash-points'
import type { GrantClaims } from '@chimera/contracts/grant'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { ResultRing } from '@chimera/contracts/judging/rings'
import { SimulatedRequest } from '@chimera/contracts/observable'
import { decide } from '@chimera/gateway/approvals/decide'
import type { Database } from '@chimera/infra/database/open-database'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { openJudgeWords, type JudgeWords } from '@chimera/infra/signing/judge-words'
import { openReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import type { ApprovalRules } from '@chimera/judge/approval-rules'
import { handleRings, type JudgeDeps } from '@chimera/judge/handle-rings'
import { openSimulatedX } from '@chimera/mcp-tweet/simulated-x/open-simulated-x'
import { openLog } from '@chimera/runtime/log'
import { calculateJwkThumbprint } from 'jose'

import { ACCOUNT } from '../../integration/judge-rig.ts'
import { openRecord, type ModelRecord } from './record.ts'
import { openToolLife, type ToolGuards, type ToolLife, type ToolParts } from './tool-life.ts'
import { openWire, type Wire } from './wire.ts'

/** What a negative control takes out of the product, by composing it without. */
export type Guards = {
  readonly tool?: ToolGuards
  readonly words?: (given: JudgeWords) => JudgeWords
  /** The record as the Judge sees it. */
  readonly judge?: (given: Database) => Database
  /** The record as the gateway sees it that takes people's words. */
  readonly gateway?: (given: Database) => Database
  /** What a person's word has to be to count. */
  readonly approvals?: ApprovalRules
}

/** A post as X's own record has it. */
export type Post = { readonly id: string; readonly text: string }

export type ProtocolRig = AsyncDisposable & {
  readonly record: ModelRecord
  readonly wire: Wire
  readonly log: JudgeDeps['log']
  readonly ledgerPath: string
  /** The life of now; the ones before may still breathe. */
  readonly tool: ToolLife
  /** Time passes; for one of the two only when their clocks come apart. */
  pass(ms: number, where?: 'record' | 'tool'): Promise<void>
  /** The next time the tool server comes by a crash point, this happens. */
  at(label: CrashPoint, then: () => void): void
  judge(...rings: ResultRing[]): Promise<void>
  /** The gateway takes a person's word; the Judge has not looked yet. */
  decide(of: Parameters<typeof decide>[1]): Promise<readonly ResultRing[]>
  /** The last grant once more, with other claims: what a sound Judge never signs. */
  signAgain(other: Partial<GrantClaims>): Promise<string>
  /** Posts that X has accepted. */
  posts(): Post[]
  /** SIGKILL. */
  killTool(): Promise<void>
  /** A start; closed until `greet`. */
  startTool(): void
  /** `tool crashes, restarts` */
  restart(): Promise<void>
  /** A second process on the same ledger. Throws LEDGER_HELD. */
  startSecond(): void
}

const log = openLog({ name: 'model', level: 'silent' })

export async function openProtocolRig(guards: Guards = {}): Promise<ProtocolRig> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'chimera-model-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const record = stack.use(await openRecord())
  const ahead = { record: 0, tool: 0 }
  const nowMs = () => Date.now() + ahead.tool
  const recordPath = join(folder, 'x.jsonl')
  const x = stack.use(await openSimulatedX({ port: 0, recordPath, clock: nowMs }))
  await tellX(x.url, { duplicate_check: false })
  const wire = stack.use(await openWire(x.url))
  const keys = await makeKeys(folder)
  const points = new Map<CrashPoint, () => void>()
  const ledgerPath = join(folder, 'ledger.sqlite')
  const lives = openLives({
    path: ledgerPath,
    clock: { wall: nowMs, monotonic: () => performance.now() + ahead.tool },
    xUrl: wire.url,
    grantKeys: keys.grantKeys,
    receiptKey: keys.receiptKey,
    guards: guards.tool ?? {},
    onPoint: (label) => {
      const then = points.get(label)
      points.delete(label)
      then?.()
    },
  })
  stack.use(lives)
  await bindAccount(record.database, wire.url)
  const killTool = async (): Promise<void> => {
    await lives.kill()
    wire.cutAll()
  }
  const open = stack.move()
  return {
    record,
    wire,
    log,
    ledgerPath,
    get tool() {
      return lives.newest()
    },
    pass: async (ms, where) => {
      if (where !== 'record') ahead.tool += ms
      if (where !== 'tool') ahead.record += ms
      await record.setAhead(ahead.record)
    },
    at: (label, then) => void points.set(label, then),
    ...openJudge({ record, guards, keys }),
    posts: () => readPosts(recordPath),
    killTool,
    startTool: lives.start,
    restart: async () => {
      await killTool()
      lives.start()
    },
    startSecond: lives.start,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

/** The lives of the tool server; one that was not killed before the next began still breathes. */
function openLives(parts: ToolParts) {
  const lives = [openToolLife(parts)]
  const newest = (): ToolLife => {
    const life = lives.at(-1)
    if (life === undefined) throw new Error('No tool server lives.')
    return life
  }
  return {
    newest,
    start: () => void lives.push(openToolLife(parts)),
    kill: async () => {
      await newest().kill()
      lives.pop()
    },
    [Symbol.asyncDispose]: async () => {
      for (const life of lives) await life.kill().catch(() => undefined)
    },
  }
}

type Keys = Awaited<ReturnType<typeof makeKeys>>

function openJudge(of: {
  record: ModelRecord
  guards: Guards
  keys: Keys
}): Pick<ProtocolRig, 'judge' | 'decide' | 'signAgain'> {
  const { record, guards, keys } = of
  let last: GrantClaims | undefined
  const words: JudgeWords = {
    ...keys.words,
    grant: (claims) => {
      last = claims
      return keys.words.grant(claims)
    },
  }
  const deps = (database: Database): JudgeDeps => ({
    database: guards.judge?.(database) ?? database,
    words: guards.words?.(words) ?? words,
    receiptKeys: keys.receiptKeys,
    publisher: { publish: () => Promise.resolve() },
    log,
    actor: 'judge-1',
    maxGranted: 100,
    ...(guards.approvals === undefined ? {} : { approvalRules: guards.approvals }),
    // Tests say the same words again and again.
    repeatDays: 0,
    crash: Object.assign(() => {}, { isArmed: false }),
  })
  return {
    judge: (...rings) => handleRings(deps(record.database), rings),
    decide: async (said) => {
      const seen = guards.gateway?.(record.database) ?? record.database
      return (await decide(seen, said)).rings
    },
    signAgain: (other) => {
      if (last === undefined) throw new Error('Nothing has been granted.')
      return keys.words.grant({ ...last, ...other })
    },
  }
}

const bindAccount = (database: Database, url: string): Promise<void> =>
  upsertAccount(database, {
    account: ACCOUNT,
    server: 'tweet',
    url,
    backend: 'simulated',
    live: false,
    bindings: [{ tenantId: DEFAULT_TENANT, agentId: '*', tool: 'post_tweet' }],
  })

/** Keys of the Judge and of the tool server, each with the file that the other one reads. */
async function makeKeys(folder: string) {
  const make = async (name: string) => {
    const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const kid = await calculateJwkThumbprint(key)
    const { d: _private, ...publicKey } = key
    const file = join(folder, `${name}.json`)
    writeFileSync(file, JSON.stringify({ keys: [{ ...publicKey, kid, alg: 'EdDSA' }] }))
    return { key: JSON.stringify({ ...key, kid }), file }
  }
  const [judge, receipt] = [await make('judge'), await make('receipt')]
  return {
    words: await openJudgeWords(judge.key),
    grantKeys: judge.file,
    receiptKeys: openReceiptKeys(receipt.file),
    receiptKey: receipt.key,
  }
}

async function tellX(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const sent = { method: 'POST', headers, body: JSON.stringify(body) }
  const { ok } = await fetch(`${url}/__control`, sent)
  if (!ok) throw new Error('The simulated X does not listen.')
}

/** X's own record is the only truth of what happened. */
function readPosts(recordPath: string): Post[] {
  return readFileSync(recordPath, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => SimulatedRequest.parse(JSON.parse(line)))
    .filter(({ method, outcome }) => method === 'POST' && outcome !== 'refused')
    .map(({ id = '', body }) => ({ id, text: textOf(body) }))
}

const textOf = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'text' in body ? String(body.text) : ''
