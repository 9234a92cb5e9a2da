import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Look } from '@chimera/mcp-kit/protocol/reconcile'
import { expect, test } from 'vitest'

import { X_ABSENCE, type Network, type SeenPost, type Timeline } from './network/network.ts'
import { sameContent } from './network/same-content.ts'
import { tweetReconciler } from './tweet-reconciler.ts'

const CLAIMED_MS = 1_700_000_000_000

const entry = (grantId: string, text: string, other: Partial<Entry> = {}): Entry => ({
  effectKey: grantId,
  round: 1,
  grantId,
  argsHash: '',
  account: 'a',
  tool: 'post_tweet',
  mode: 'live',
  scope: {},
  boot: '',
  incarnation: '',
  state: 'UNKNOWN',
  code: undefined,
  detail: undefined,
  isSimulated: false,
  args: JSON.stringify({ text, is_ai_labeled: true }),
  content: text,
  sendMethod: undefined,
  sendUrl: undefined,
  sendBody: undefined,
  deadlineMs: 10_000,
  costUsdMicros: undefined,
  claimedMs: CLAIMED_MS + 5_000,
  claimedWallMs: CLAIMED_MS,
  leftByMs: undefined,
  settledMs: undefined,
  providerRef: undefined,
  url: undefined,
  retryAfterMs: undefined,
  unseenLooks: 0,
  unseenMs: undefined,
  adoptedMs: undefined,
  facts: {},
  isPending: false,
  seq: 1,
  ...other,
})
const seen = (id: string, text: string): SeenPost => ({
  id,
  text,
  createdAtMs: CLAIMED_MS + Number(id),
})

/** One look at an account whose timeline is `timeline`. */
async function look(given: {
  timeline: SeenPost[] | Timeline
  rivals?: Entry[]
  bound?: string[]
}): Promise<{ look: Look; sinceMs: number | undefined }> {
  const { timeline, rivals = [], bound = [] } = given
  let asked: number | undefined
  const network: Network = {
    label: 'x',
    isLive: true,
    absence: X_ABSENCE,
    prepare: () => {
      throw new Error('Reconciling never sends.')
    },
    classify: () => ({ outcome: 'unknown', detail: '' }),
    findSince: async ({ sinceMs }) => {
      asked = sinceMs
      return Array.isArray(timeline)
        ? { outcome: 'read', posts: timeline, isComplete: true }
        : timeline
    },
    sameContent,
  }
  const found = await tweetReconciler(network).look(entry('mine', 'hello'), {
    rivals,
    isBound: (ref) => bound.includes(ref),
    note: () => {},
    signal: new AbortController().signal,
  })
  return { look: found, sinceMs: asked }
}

test('a post with its words is found, read from the wall clock of the claim on', async () => {
  const { look: found, sinceMs } = await look({
    timeline: [seen('2', 'other'), seen('1', 'hello')],
  })
  expect(found).toEqual({ kind: 'found', providerRef: '1' })
  expect(sinceMs).toBe(CLAIMED_MS)
})

test('a post that is another effect already is not its own', async () => {
  const { look: found } = await look({ timeline: [seen('1', 'hello')], bound: ['1'] })
  expect(found).toEqual({ kind: 'unseen' })
})

test('two open effects that say the same, and one post: nobody can tell', async () => {
  const rivals = [entry('theirs', 'hello')]
  const { look: found } = await look({ timeline: [seen('1', 'hello')], rivals })
  expect(found).toMatchObject({ kind: 'cannot' })
})

test('two open effects that say the same, and two posts: each has its own', async () => {
  const rivals = [entry('theirs', 'hello')]
  const timeline = [seen('2', 'hello'), seen('1', 'hello')]
  expect((await look({ timeline, rivals })).look).toEqual({ kind: 'found', providerRef: '1' })
})

test('an open effect that says something else is no rival', async () => {
  const rivals = [entry('theirs', 'goodbye')]
  const { look: found } = await look({ timeline: [seen('1', 'hello')], rivals })
  expect(found).toMatchObject({ kind: 'found' })
})

test('an empty timeline is unseen only when it is whole', async () => {
  const cut = { outcome: 'read', posts: [], isComplete: false } as const
  expect((await look({ timeline: cut })).look).toEqual({ kind: 'not_yet' })
  expect((await look({ timeline: [] })).look).toEqual({ kind: 'unseen' })
})

test('a timeline that cannot be read says nothing, and when to ask again', async () => {
  const away = { outcome: 'unavailable', detail: 'limited', retryAfterMs: 7_000 } as const
  expect((await look({ timeline: away })).look).toEqual({ kind: 'not_yet', inMs: 7_000 })
})
