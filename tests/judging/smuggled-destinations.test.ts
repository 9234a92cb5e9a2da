/**
 * What leaves the house in words that a model wrote leads nowhere that neither the owner nor the
 * registry named: held against what the simulated X would link, by the rules of its own library.
 */
import { openRegistry } from '@chimera/domain/judging/registry'
import { strangeDestinations } from '@chimera/domain/judging/strange-destinations'
import { faultOfText } from '@chimera/domain/judging/text/weigh-text'
import { checkText, findLinks } from '@chimera/mcp-tweet/tweet-text'
import twitterText from 'twitter-text'
import { expect, test } from 'vitest'

import { control, guarantee, type Random, sampleSize, seeded } from '../guarantee.ts'

const OWNER = 'write about https://example.com/launch and @chimera, it costs $CHI on example.org'
const goal = { text: OWNER }

type Find = (text: string) => readonly { canonical: string }[]
const find: Find = (text) => strangeDestinations(text, { goal, trust: 'owner' }, openRegistry([]))

const TARGETS = [
  'evil.com',
  'https://evil.com/x?y=1',
  'http://sub.evil.co.uk',
  'EVIL.IO',
  'xn--e1afmkfd.com',
  'пример.com',
  'https://example.com@evil.com',
  'example.com.evil.net',
  't.co/abc',
  '@evil',
  '＠evil',
  '$EVL',
  'https://evil.com:8443/',
  'evil.museum',
  'example.com/launch2',
]
const WORDS = ['hello', 'see', 'our', 'new', 'thing', '🎉', 'and', 'é', '字', 'now', 'via', '...']
const GLUE = [
  ' ',
  '\n',
  ', ',
  '. ',
  ' (',
  ') ',
  ': ',
  '',
  '\u200B',
  '\u00A0',
  '\u3000',
  '/',
  '「',
  '|',
]

/** A text of words, glue and targets, some of them changed a little. */
function smuggled(random: Random): string {
  const parts: string[] = []
  for (let at = random.integer(1, 8); at > 0; at -= 1) {
    const isTarget = random.fraction() < 0.4
    parts.push(isTarget ? changed(random.pick(TARGETS), random) : random.pick(WORDS))
    parts.push(random.pick(GLUE))
  }
  return parts.join('')
}

function changed(target: string, random: Random): string {
  const at = random.integer(0, target.length)
  const insert = (sign: string) => target.slice(0, at) + sign + target.slice(at)
  return random.pick([
    () => target,
    () => insert('\u200D'),
    () => insert('\u00AD'),
    () => insert('\u202E'),
    () => target.toUpperCase(),
    () => target.replace('.', '．'),
    () => target.replace('.', '。'),
    () => target.replace('e', 'е'),
    () => insert(' '),
  ])()
}

/** Everything that X makes a link of, in one spelling each. */
const linked = (text: string): string[] => [
  ...findLinks(text).map(({ url }) => url),
  ...twitterText.extractMentions(text).map((name) => `@${name}`),
  ...twitterText.extractCashtags(text).map((symbol) => `$${symbol}`),
]
const OF_OWNER = new Set(linked(OWNER).map((one) => one.toLowerCase()))

function expectNothingSmuggled(finder: Find, of: { n: number; random: Random }): void {
  let links = 0
  for (let n = 0; n < of.n; n += 1) {
    const text = smuggled(of.random).normalize('NFC')
    const strange = linked(text).filter((one) => !OF_OWNER.has(one.toLowerCase()))
    links += strange.length
    if (strange.length === 0) continue
    expect(finder(text), `X links ${strange.join(' ')} in ${JSON.stringify(text)}`).not.toEqual([])
  }
  expect(links).toBeGreaterThan(of.n / 5)
}

const N = sampleSize({ ci: 3_000, full: 300_000 })
const claim = {
  id: 'no-smuggled-destination',
  title: 'no text leads where X would link and nobody asked for',
  n: N,
  seed: 6,
  timeoutMs: 30_000 + N * 4,
}

guarantee(claim, ({ n, random }) => expectNothingSmuggled(find, { n, random }))

control({ guard: 'the look for destinations', test: claim.id, expect: /X links .* in/ }, () =>
  expectNothingSmuggled(() => [], { n: 50, random: seeded(6) }),
)

/** What a reader would copy, though X links nothing, or something else. */
const HIDDEN = [
  'go to evil\u200B.com now',
  'ev\u200Dil.com',
  'ｅｖｉｌ．ｃｏｍ',
  'evil。com',
  'evil[.]com',
  'evil (dot) com',
  'evil dot com',
  'hxxps://evil[.]com/a',
  'evil . com',
  'http:\\\\evil.com\\a',
  'evil.newtld/path',
  'ftp://evil.com',
  'mailto:me@evil.com',
  'me@evil.com',
  'me [at] evil [dot] com',
  '＠ｅｖｉｌ',
  '@\u2060evil',
  '$\u200BEVL',
  'send to 0x1111111111111111111111111111111111111111',
  '0x1111 1111 1111 1111 1111 1111 1111 1111 1111 1111',
  'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq',
  '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa',
  'evil.eth',
  'call +1 (555) 010-9999',
  'GB82 WEST 1234 5698 7654 32',
  'lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqypqhp58yjmdan79s6q',
  'еvil.com',
  'e\u0338vil.com',
  'https://example.com\u202E/moc.live',
  '𝐞𝐯𝐢𝐥.com',
  'javascript:alert(1)',
]

test.each(HIDDEN)('%j is found', (text) => {
  expect(find(text)).not.toEqual([])
})

test.each([
  'hello world',
  'Version 1.2.3 is out: node.js runs faster, by 20.5 % at 10:30.',
  'We read https://example.com/launch, twice. Thank you, @Chimera!',
  'It is on example.org (really) and costs $CHI',
  'and/or, e.g. this, i.e. that, U.S. and 3.5/5 stars',
  'It costs $5, or US$ 20.',
  'Zażółć gęślą jaźń, Привет мир, 你好，世界',
])('%j leads nowhere that is strange', (text) => {
  expect(find(text)).toEqual([])
})

test('a text weighs the same to the Judge as to the tool server', () => {
  const random = seeded(61)
  const texts = [
    '字'.repeat(141),
    '字'.repeat(140),
    'a'.repeat(281),
    '',
    ' \n',
    'a\uFFFEb',
    '\ud83d',
    'a'.repeat(4_001),
  ]
  for (let n = 0; n < 500; n += 1) {
    texts.push(Array.from({ length: random.integer(1, 40) }, () => smuggled(random)).join(' '))
  }
  for (const text of texts) {
    const verdict = checkText(text)
    expect(faultOfText(text)?.code, text).toBe(verdict.isValid ? undefined : verdict.code)
  }
})
