/**
 * Every mutating tool of the tweet server, killed at every point of its path while X misbehaves:
 * what was wanted is there once, and the record hears of it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import type { GrantClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { handleOf, mediaFileName } from '@chimera/contracts/media'
import { expect } from 'vitest'
import { z } from 'zod'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { Rig } from './tool-rig.ts'

const FAST = { TWEET_COOLDOWN_MS: '1', TWEET_ABSENCE_MS: '300', TWEET_SEND_TIMEOUT_MS: '500' }
const LABELS = CRASH_POINTS.filter((label) => label.startsWith('tool.'))
const FAULTS = ['none', 'hang', 'cut', '5xx_after', '5xx', 'reset_before'] as const
const KINDS = ['post', 'illustrated post', 'reply', 'delete'] as const

type Kind = (typeof KINDS)[number]
type Case = Readonly<{
  kind: Kind
  label: CrashPoint | undefined
  fault: (typeof FAULTS)[number]
  /** For an illustrated post: whether the upload meets the fault, or the post. */
  isUpload: boolean
}>

const ALL: readonly Case[] = KINDS.flatMap((kind) =>
  [undefined, ...LABELS].flatMap((label) =>
    FAULTS.flatMap((fault) =>
      (kind === 'illustrated post' ? [false, true] : [false]).map((isUpload) => ({
        kind,
        label,
        fault,
        isUpload,
      })),
    ),
  ),
)

/** The windows of replies and deletions hold so many. */
const CASES_PER_RIG = 20

const Said = z.looseObject({ text: z.string() })

/** States after which the record may grant the next round. */
const CLOSED = new Set(['VOID', 'NOT_SENT', 'NOT_HAPPENED', 'REFUSED'])

const titleOf = ({ kind, label, fault, isUpload }: Case): string =>
  `${kind} killed at ${label ?? 'no point'} with ${fault}${isUpload ? ' of the upload' : ''}`

type Opened = AsyncDisposable & Readonly<{ rig: Rig; targets: readonly string[] }>

/** A rig with posts that may be deleted, one for each case. */
async function openRig(cases: number, composed?: readonly string[]): Promise<Opened> {
  await using stack = new AsyncDisposableStack()
  const rig = stack.use(new Rig())
  await rig.startX()
  await rig.tellX({ duplicate_check: false })
  await rig.startTool({ env: FAST, ...(composed === undefined ? {} : { composed }) })
  const targets: string[] = []
  for (let n = 0; n < cases; n += 1) {
    const args = { text: `to be deleted ${n}`, is_ai_labeled: true }
    const { receipt } = await rig.call(rig.claims({ args }), args)
    targets.push(receipt?.provider_ref ?? '')
  }
  const open = stack.move()
  return { rig, targets, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

type Wish = Readonly<{ tool: string; args: Record<string, unknown> }>

/** What the case wants done. */
function wishOf(kind: Kind, n: number, of: { rig: Rig; target: string }): Wish {
  const text = `${kind} ${n}`
  const labelled = { text, is_ai_labeled: true }
  switch (kind) {
    case 'post':
      return { tool: 'post_tweet', args: labelled }
    case 'illustrated post':
      return { tool: 'post_tweet', args: { ...labelled, media_ids: [addImage(of.rig, n)] } }
    case 'reply':
      return { tool: 'reply_tweet', args: { ...labelled, in_reply_to: '4711' } }
    case 'delete':
      return { tool: 'delete_tweet', args: { tweet_id: of.target } }
  }
}

function addImage(rig: Rig, n: number): string {
  const bytes = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(`image ${n}`)])
  const handle = handleOf(bytes)
  writeFileSync(join(rig.mediaFolder, mediaFileName(handle)), bytes)
  return handle
}

/** How often X did what the case wants, by X's own record. */
function timesDone(rig: Rig, { tool, args }: Wish): number {
  const done = rig.requests().filter(({ outcome }) => outcome !== 'refused')
  if (tool === 'delete_tweet') {
    const path = `/2/tweets/${String(args['tweet_id'])}`
    return done.filter((line) => line.method === 'DELETE' && line.path === path).length
  }
  return rig.posts().filter(({ body }) => Said.parse(body).text === args['text']).length
}

async function expectOnce(
  each: Case,
  of: { rig: Rig; target: string; n: number; composed?: readonly string[] },
): Promise<void> {
  const { rig, n } = of
  const { label, fault } = each
  const parts = of.composed === undefined ? {} : { composed: of.composed }
  await rig.tool.kill()
  const armed = label === undefined ? {} : { CHIMERA_CRASH_AT: label }
  await rig.startTool({ env: { ...FAST, ...armed }, ...parts })
  const wish = wishOf(each.kind, n, { rig, target: of.target })
  const on = each.kind === 'delete' ? 'delete' : each.isUpload ? 'upload' : 'post'
  await rig.tellX({ fault: 'none' })
  if (fault !== 'none') await rig.tellX({ fault, on })
  const claims = rig.claims(wish)
  await rig.call(claims, wish.args).catch(() => undefined)
  // A fault may have ended the path before its point: then this is where it dies.
  await rig.tool.kill()
  await rig.tellX({ fault: 'none' })
  await rig.startTool({ env: FAST, ...parts })
  const outcome = await settle(rig, claims, wish.args)
  const title = titleOf(each)
  expect([...CLOSED, 'CONFIRMED'], title).toContain(outcome.state)
  if (outcome.state !== 'CONFIRMED') {
    const again = { ...rig.claims({ ...wish, goal: claims.goal }), round: 2, closed_rounds: [1] }
    expect((await rig.call(again, wish.args)).status, title).toBe('CONFIRMED')
  }
  expect(timesDone(rig, wish), `times that X did: ${title}`).toBe(1)
}

async function settle(
  rig: Rig,
  claims: GrantClaims,
  args: Record<string, unknown>,
): Promise<ReceiptClaims> {
  const again = await rig.call(claims, args)
  const receipt = again.receipt ?? (await rig.askVoid(claims))
  return receipt.state === 'UNKNOWN' ? rig.settled(claims.jti) : receipt
}

const N = sampleSize({ ci: 8, full: ALL.length })

guarantee(
  {
    id: 'tweet-tools-once',
    title: 'post, illustrated post, reply and deletion are done once, whatever dies and lies',
    n: N,
    seed: 23,
    timeoutMs: 3_600_000,
  },
  async ({ n, random }) => {
    const cases = n === ALL.length ? ALL : pickOfEach(random.shuffle(ALL), n)
    const reached = new Set<string>()
    for (let from = 0; from < cases.length; from += CASES_PER_RIG) {
      const some = cases.slice(from, from + CASES_PER_RIG)
      await using opened = await openRig(some.length)
      const { rig, targets } = opened
      for (const [k, each] of some.entries()) {
        await expectOnce(each, { rig, target: targets[k] ?? '', n: from + k })
      }
      for (const label of labelsReached(rig)) reached.add(label)
    }
    const wanted = cases.flatMap(({ label, fault }) =>
      fault === 'none' && label !== undefined ? [label] : [],
    )
    expect(new Set(wanted).difference(reached)).toEqual(new Set())
  },
)

/** So many, with every kind among them, then with as many points as there is room for. */
function pickOfEach(shuffled: readonly Case[], n: number): Case[] {
  const picked = new Set<Case>()
  for (const kind of KINDS) {
    const each = shuffled.find((one) => one.kind === kind)
    if (each !== undefined) picked.add(each)
  }
  for (const label of LABELS) {
    const each = shuffled.find((one) => one.label === label && one.kind !== 'post')
    if (each !== undefined) picked.add(each)
  }
  return [...picked, ...shuffled.filter((one) => !picked.has(one))].slice(0, n)
}

function labelsReached(rig: Rig): string[] {
  const file = join(rig.folder, 'state', 'crash-points.jsonl')
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return LABELS.filter((label) => lines.some((line) => line.includes(`"${label}"`)))
}

control(
  {
    guard: 'the claim before the act',
    test: 'tweet-tools-once',
    expect: /times that X did: reply killed at tool.send.sent.*but got 2|to be 1/s,
    timeoutMs: 60_000,
  },
  async () => {
    const composed = ['without=claim']
    await using opened = await openRig(1, composed)
    const each = { kind: 'reply', label: 'tool.send.sent', fault: 'none', isUpload: false } as const
    await expectOnce(each, { rig: opened.rig, target: '', n: 0, composed })
  },
)

/**
 * A stop that comes between an upload and its post: nothing is posted, and the answer names what
 * was on its way.
 */
async function stopAfterUpload(...composed: string[]): Promise<void> {
  await using rig = new Rig()
  await rig.startX()
  // Between the upload and the write of the post.
  await rig.startTool({ env: FAST, composed: ['pause=400', ...composed] })
  const args = { text: 'an image', is_ai_labeled: true, media_ids: [addImage(rig, 1)] }
  const claims = rig.claims({ args })
  const called = rig.call(claims, args)
  const uploads = () => rig.requests().filter(({ path }) => path === '/2/media/upload')
  await expect.poll(uploads, { timeout: 10_000, interval: 10 }).toHaveLength(1)
  const { in_flight } = await rig.fence('everything', 1)
  expect(in_flight).toEqual([claims.effect_key])
  expect((await called).status, 'a post whose upload was stopped').toBe('NOT_SENT')
  expect(rig.posts()).toHaveLength(0)
}

guarantee(
  {
    id: 'stop-after-upload',
    title: 'a stop lists an effect whose image has been uploaded, and it is not posted',
    n: 1,
    seed: 0,
    timeoutMs: 60_000,
  },
  () => stopAfterUpload(),
)

control(
  {
    guard: 'the second look before the socket',
    test: 'stop-after-upload',
    expect: /a post whose upload was stopped.*(?:CONFIRMED|UNKNOWN)/s,
    timeoutMs: 60_000,
  },
  () => stopAfterUpload('without=second-look'),
)
