/**
 * What the effect protocol leans on: whatever a network says of one post is true of the simulated
 * X's own record, with faults of every kind between them.
 */
import type { Network } from '@chimera/mcp-tweet/network/network'
import type { Control } from '@chimera/mcp-tweet/simulated-x/faults'
import { expect } from 'vitest'

import { control, guarantee, type Random, sampleSize, seeded } from '../guarantee.ts'
import {
  IMPLEMENTATIONS,
  openRig,
  plainPost,
  type Rig,
  tryPost,
  uploaded,
} from './tweet-network-rig.ts'

type Alter = (network: Network) => Network

const FAULTS = [
  'none',
  'cut',
  'hang',
  '5xx_after',
  '5xx',
  '429',
  '403_duplicate',
  'reset_before',
  'timeout_before',
] as const satisfies readonly Control['fault'][]

const TEXTS = [
  (n: number) => `plain words ${n}`,
  (n: number) => `see example.com/${n} & https://example.org/?n=${n}`,
  (n: number) => `<b>${n}</b> cafe\u0301 字 👩🏽‍🚀`,
  (n: number) => `line ${n}\n\nhttp://example.com/${n}.`,
]

/** Posts under random faults; compares each verdict, and its look-up, with the record. */
async function expectTruth({
  n,
  random,
  alter = (network) => network,
}: {
  n: number
  random: Random
  alter?: Alter
}): Promise<void> {
  await using rig = await openRig()
  for (let each = 0; each < n; each += 1) {
    const network = alter(random.pick(Object.values(IMPLEMENTATIONS))(rig.x.url))
    await expectTrueVerdict({ rig, network, each, random })
  }
}

async function expectTrueVerdict({
  rig,
  network,
  each,
  random,
}: {
  rig: Rig
  network: Network
  each: number
  random: Random
}): Promise<void> {
  const post = plainPost(random.pick(TEXTS)(each), {
    isAiLabeled: random.pick([true, false]),
    mediaIds: await uploaded(network, random.pick([0, 0, 1, 2])),
    ...(random.pick([true, false]) ? { replyTo: '77' } : {}),
  })
  const fault = random.pick(FAULTS)
  await rig.control({ fault })
  const sinceMs = Date.now()
  const before = rig.accepted().length
  const verdict = await tryPost(network, post, 150)
  const [happened] = rig.accepted().slice(before)
  const timeline = await network.findSince({ sinceMs })
  if (timeline.outcome !== 'read') throw new Error(timeline.detail)
  const found = timeline.posts.find((seen) => network.sameContent(seen, post))
  const told = verdict.outcome === 'accepted' ? verdict.providerRef : verdict.outcome
  const truth = verdict.outcome === 'unknown' ? 'unknown' : (happened?.id ?? 'refused')
  const sentence = (verdictOf: string, id = 'nothing') => `${fault}: ${verdictOf}, found ${id}`
  expect(sentence(told, found?.id)).toBe(sentence(truth, happened?.id))
}

const N = sampleSize({ ci: 60, full: 1_000 })

guarantee(
  {
    id: 'tweet-verdict-is-true',
    title: 'a verdict agrees with X',
    n: N,
    seed: 11,
    timeoutMs: 300_000,
  },
  ({ n, random }) => expectTruth({ n, random }),
)

const without = (guard: string, failure: RegExp, alter: Alter): void =>
  control({ guard, test: 'tweet-verdict-is-true', expect: failure }, () =>
    expectTruth({ n: 60, random: seeded(11), alter }),
  )

without('5xx as unknown', /'5xx_after: refused, found \d/u, (network) => ({
  ...network,
  classify: (response) =>
    response.status >= 500
      ? { outcome: 'refused', code: 'UPSTREAM_REJECTED', detail: 'assumed' }
      : network.classify(response),
}))

without(
  't.co expansion and decoding',
  /(?:cut|hang|none|5xx_after): \w+, found nothing/u,
  (network) => ({
    ...network,
    findSince: async (request) => {
      const timeline = await network.findSince(request)
      if (timeline.outcome !== 'read') return timeline
      const posts = timeline.posts.map(({ text, ...post }) => {
        return Object.assign(post, {
          text: text.replaceAll(/https?:\S+/gu, 'https://t.co/0123456789'),
        })
      })
      return { outcome: 'read', isComplete: true, posts }
    },
  }),
)

without(
  'the own media link taken out',
  /(?:cut|hang|none|5xx_after): \w+, found nothing/u,
  (network) => ({
    ...network,
    sameContent: (seen, wanted) => {
      const text = seen.mediaCount ? `${seen.text} https://t.co/0123456789` : seen.text
      return network.sameContent({ ...seen, text }, wanted)
    },
  }),
)
