/**
 * What a recall finds of two hundred questions of our domain (bench/recall/questions.json): a floor
 * a little below what was seen, and Weaviate with words and vectors no worse than PostgreSQL with
 * words alone. Figures of both are in docs/memory.md.
 */
import type { Embedder } from '@chimera/infra/memory/embedding/embedder'
import { beforeEach, describe, expect, inject } from 'vitest'

import { hybrid, measureQuality, wordsAlone } from '#bench/recall/measure-quality'
import { loadQuestionSet } from '#bench/recall/question-set'

import { control, guarantee } from '../guarantee.ts'
import { openPostgresRig, openWeaviateRig, whyNoWeaviate } from '../memory/memory-rig.ts'

const IMPLEMENTATIONS = { postgres: openPostgresRig, weaviate: openWeaviateRig }

/** Seen: 0.485 to 0.49 in both memories, by words alone and with vectors. */
const LEAST_AT_5 = 0.45
const TIMEOUT_MS = 300_000

const set = loadQuestionSet()

/** Vectors of four directions, which say nothing about the text, and count for more than words. */
const meaningless: Embedder = {
  name: 'meaningless@1',
  vectorShare: 0.9,
  embed: async (texts) => texts.map((text) => vectorAlong(text.length % 4)),
}
const vectorAlong = (place: number): Float32Array =>
  Float32Array.from({ length: 384 }, (_, at) => (at === place ? 1 : 0))

describe.each(inject('memories'))('what a recall finds: %s', (name) => {
  const missing = name === 'weaviate' ? whyNoWeaviate() : undefined
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing)
  })
  const foundAt5 = async (embedder: Embedder, open = IMPLEMENTATIONS[name]): Promise<number> => {
    await using rig = await open({ tenants: 2 })
    const store = await rig.open({ embedder })
    const found = await measureQuality({ store, tenantId: rig.tenants[0], agentId: 'asked', set })
    return found.at5
  }
  const expectEnough = async (embedder: Embedder): Promise<void> => {
    const [withVectors, words] = [await foundAt5(embedder), await foundAt5(wordsAlone)]
    expect(words, 'recall@5 by words alone').toBeGreaterThanOrEqual(LEAST_AT_5)
    const inPostgres = name === 'postgres' ? words : await foundAt5(wordsAlone, openPostgresRig)
    expect(withVectors, 'recall@5 with vectors').toBeGreaterThanOrEqual(LEAST_AT_5)
    expect(withVectors, 'recall@5 beside words in PostgreSQL').toBeGreaterThanOrEqual(inPostgres)
  }
  const id = `recall-quality-${name}`
  const n = set.pairs.length

  guarantee({ id, title: 'the answer is among five', n, seed: 1, timeoutMs: TIMEOUT_MS }, () =>
    expectEnough(hybrid),
  )

  control(
    {
      guard: `vectors in ${name} that are near when texts are`,
      test: id,
      expect: /^recall@5 with vectors: expected 0\.\d+ to be greater than or equal to 0\.45/,
      timeoutMs: TIMEOUT_MS,
    },
    () => expectEnough(meaningless),
  )
})
