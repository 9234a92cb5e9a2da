/** The memories in Weaviate and in PostgreSQL bring words into one form. */
import { readdirSync, readFileSync } from 'node:fs'

import { englishStem } from '@chimera/infra/memory/words/english-stem'
import { STOP_WORDS } from '@chimera/infra/memory/words/stop-words'
import { expect, test } from 'vitest'

import { openEmptyDatabase } from '../fresh-database.ts'

const DOCS = new URL('../../docs/', import.meta.url)
const QUESTIONS = new URL('../../bench/recall/questions.json', import.meta.url)

test('words of our documents have the stem that PostgreSQL gives it', async () => {
  const texts = readdirSync(DOCS, { encoding: 'utf8', recursive: true })
    .filter((name) => name.endsWith('.md'))
    .map((name) => readFileSync(new URL(name, DOCS), 'utf8'))
  const text = [...texts, readFileSync(QUESTIONS, 'utf8')].join(' ').toLowerCase()
  const words = [...new Set(text.match(/[a-z]+/g))]
  expect(words.length).toBeGreaterThan(2_500)
  await using database = await openEmptyDatabase()
  const rows = await database.query<{ word: string; stems: string[] }>({
    text: `SELECT word, ts_lexize('english_stem', word) AS stems FROM unnest($1::text[]) AS word`,
    values: [words],
  })
  const ours = words.map((word) => ({
    word,
    stems: STOP_WORDS.has(word) ? [] : [englishStem(word)],
  }))
  expect(ours).toEqual(rows)
})
