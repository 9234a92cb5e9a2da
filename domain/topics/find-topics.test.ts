import { describe, expect, test } from 'vitest'

import { findTopics } from './find-topics.ts'
import { ALWAYS_SENSITIVE, TOPIC_WORDS } from './topic-words.ts'

const topicsOf = (text: string, topics: readonly string[] = ALWAYS_SENSITIVE) =>
  findTopics(text, topics).map(({ topic }) => topic)

describe('a sensitive topic is told by', () => {
  test.each([
    ['Vote for the better candidate on Sunday!', 'politics'],
    ['The prime minister resigned today.', 'politics'],
    ['the government and its minister', 'politics'],
    ['Our take on the #Election', 'politics'],
    ['This tea cures everything', 'health'],
    ['Ask your doctor about the dosage', 'health'],
    ['hospital patients need treatment', 'health'],
    ['Bitcoin is going TO THE MOON', 'finance'],
    ['Buy the dip, this coin yields 20 %', 'finance'],
    ['Not financial advice.', 'finance'],
    ['They filed a lawsuit against us', 'legal'],
    ['You should sue them; the law is on your side', 'legal'],
    ['E\u200Blection day', 'politics'],
    ['Ｂｉｔｃｏｉｎ', 'finance'],
    ['bitсoin', 'finance'],
    ['left-wing and right wing', 'politics'],
  ])('%j: %s', (text, topic) => {
    expect(topicsOf(text)).toContain(topic)
  })
})

describe('none is told by', () => {
  test.each([
    'hello world',
    'Our retry policy is explained in the docs.',
    'All tests are healthy and the health check is green.',
    'The leader election of our cluster takes 200 ms.',
    'The function returns an access token.',
    'Please be patient while we fix the symptom.',
    'The judge in this swarm is a program.',
    'We are party people: join the launch party!',
    'A smart contract of 20 lines.',
    'I love tennis; meet me at the tennis court.',
    'Invest time in tests: technical debt grows.',
    'Cancerian or presidential? Words inside words do not count: investigate, electional, suede.',
    'words of g-0193. after it, still here, recovery 3, free, for real, x',
    'Trade-offs of a market square',
  ])('%j', (text) => {
    expect(topicsOf(text, Object.keys(TOPIC_WORDS))).toEqual([])
  })
})

test('forbidden topics have words of their own', () => {
  expect(topicsOf('free nude photos', ['adult'])).toEqual(['adult'])
  expect(topicsOf('how to make a bomb', ['illegal'])).toEqual(['illegal'])
  expect(topicsOf('an ethnic cleansing', ['hate'])).toEqual(['hate'])
  expect(topicsOf('kill all processes', ['hate'])).toEqual([])
})

test('a topic that the house does not know is a phrase with boundaries', () => {
  expect(topicsOf('We beat ACME  Corp!', ['acme corp'])).toEqual(['acme corp'])
  expect(topicsOf('acme corporation', ['acme corp'])).toEqual([])
  expect(topicsOf('c++ (really)', ['c++ (really)'])).toEqual(['c++ (really)'])
})

test('a phrase stands once, in small letters', () => {
  for (const [topic, { strong, weak, innocent }] of Object.entries(TOPIC_WORDS)) {
    const all = [...strong, ...weak, ...innocent]
    expect(new Set(all).size, topic).toBe(all.length)
    for (const phrase of all) expect(phrase).toBe(phrase.toLowerCase().trim())
    expect(all).not.toContain('')
  }
})
