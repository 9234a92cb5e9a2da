import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Look } from '@chimera/mcp-kit/protocol/reconcile'
import { expect, test } from 'vitest'

import {
  type Found,
  type Network,
  type SeenPost,
  type Timeline,
  X_ABSENCE,
} from './network/network.ts'
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

const neverSends = (): never => {
  throw new Error('Reconciling never sends.')
}

/** One look at an account whose timeline is `timeline`. */
async function look(given: {
  timeline: SeenPost[] | Timeline
  rivals?: Entry[]
  /** Claimed and sent while the timeline is being read. */
  meanwhile?: Entry[]
  bound?: string[]
  of?: Entry
  lookup?: (id: string) => Found
}): Promise<{ look: Look; sinceMs: number | undefined }> {
  const { timeline, bound = [] } = given
  const rivals = [...(given.rivals ?? [])]
  let asked: number | undefined
  const network: Network = {
    label: 'x',
    isLive: true,
    absence: X_ABSENCE,
    renew: async () => undefined,
    prepare: neverSends,
    prepareUpload: neverSends,
    prepareRemoval: neverSends,
    classify: () => ({ outcome: 'unknown', detail: '' }),
    classifyUpload: () => ({ outcome: 'unknown', detail: '' }),
    classifyRemoval: () => ({ outcome: 'unknown', detail: '' }),
    findPost: async ({ id }) => given.lookup?.(id) ?? { outcome: 'read', post: undefined },
    findMentions: async () => ({ outcome: 'read', posts: [] }),
    findSince: async ({ sinceMs }) => {
      asked = sinceMs
      rivals.push(...(given.meanwhile ?? []))
      return Array.isArray(timeline)
        ? { outcome: 'read', posts: timeline, isComplete: true }
        : timeline
    },
    sameContent,
  }
  const found = await tweetReconciler(network).look(given.of ?? entry('mine', 'hello'), {
    rivals: () => rivals,
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

test('an effect that began while the timeline was read is a rival too', async () => {
  const timeline = [seen('1', 'hello')]
  const { look: found } = await look({ timeline, meanwhile: [entry('theirs', 'hello')] })
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

const removal = entry('mine', '', {
  tool: 'delete_tweet',
  args: JSON.stringify({ tweet_id: '7' }),
})

test.each([
  ['gone: it is done', { outcome: 'read', post: undefined }, [], { kind: 'found' }],
  ['there: not yet deleted', { outcome: 'read', post: seen('7', 'x') }, [], { kind: 'unseen' }],
  ['not to be seen', { outcome: 'unavailable', detail: 'away' }, [], { kind: 'not_yet' }],
  ["gone by another's hand", { outcome: 'read', post: undefined }, ['deleted:7'], {}],
] as const)('a deletion is known by its post: %s', async (_what, answer, bound, expected) => {
  const asked: string[] = []
  const lookup = (id: string): Found => {
    asked.push(id)
    return answer
  }
  const { look: found } = await look({ timeline: [], of: removal, lookup, bound: [...bound] })
  expect(asked).toEqual(['7'])
  expect(found).toMatchObject(bound.length > 0 ? { kind: 'cannot' } : expected)
})

test('an open deletion is no rival of a post', async () => {
  const timeline = [seen('1', 'hello')]
  const { look: found } = await look({ timeline, rivals: [removal] })
  expect(found).toEqual({ kind: 'found', providerRef: '1' })
})
