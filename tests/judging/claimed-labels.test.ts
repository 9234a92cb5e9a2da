/**
 * A Worker says of every argument where it came from. Whatever it claims, the Judge follows the
 * pointer and compares what is there: neither a model nor a Worker can give itself a label.
 */
import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Pointer } from '@chimera/contracts/judging/provenance'
import type { Gate } from '@chimera/domain/judging/gates/gate'
import { ALL_GATES, GATES } from '@chimera/domain/judging/gates/gates'
import { judgeAttempt } from '@chimera/domain/judging/judge-attempt'
import { attempt, proposal, scene, TEXT } from '@chimera/domain/judging/judging-samples'
import { openRegistry } from '@chimera/domain/judging/registry'
import { policyOf } from '@chimera/domain/policy/policy-samples'
import { expect, test } from 'vitest'

import { control, guarantee, type Random, seeded } from '../guarantee.ts'

const SAID = 'hello world'
const REGISTERED = 'our friend Alice'
const MENTION = 'a stranger wrote this'

const registry = openRegistry([{ kind: 'address', name: 'alice', version: 1, value: REGISTERED }])
const readings = [
  { id: 'r1', tool: 'get_mentions', args: {}, value: { text: MENTION } },
  { id: 'r2', tool: 'get_limits', args: {}, value: { text: 'ten a day' } },
]

/** Says nothing of labels, so that nothing but the gate itself stands between a lie and a grant. */
const { policy: sample } = scene()
const policy = sample && {
  ...sample,
  compiled: policyOf([
    { id: 'posts', effect: 'allow', why: 'Posts are fine.', when: { action: 'tweet.post' } },
  ]),
}

const WORDS = ['claim', 'now', 'free', 'our', 'the', 'launch', 'today', 'moved', 'see', 'it']
const otherWords = (random: Random): string =>
  Array.from({ length: random.integer(1, 6) }, () => random.pick(WORDS)).join(' ')

/** Pointers that lead to something, but not to the words that stand in the argument. */
const CLAIMS: Readonly<Record<string, (random: Random) => Pointer>> = {
  'a span of the goal': (random) => {
    const start = random.integer(0, TEXT.length - 2)
    const end = random.integer(start + 1, TEXT.length)
    return { source: 'goal', path: '/text', span: [start, end] }
  },
  'the whole goal': () => ({ source: 'goal', path: '/text' }),
  'a default of the house': () => ({ source: 'default', rule: 'ai-labeled' }),
  'a row of the registry': () => ({
    source: 'registry',
    table: 'address',
    id: 'alice',
    version: '1',
  }),
  'a reading of the house': () => ({
    source: 'tool',
    tool: 'get_limits',
    result_id: 'r2',
    path: '/text',
  }),
}
const KINDS = Object.keys(CLAIMS)

/** Whether the Judge grants the text on its own, by whatever the pointer of it claims. */
function isGranted(text: string, pointer: Pointer, gates: readonly Gate[]): boolean {
  const { args, provenance } = proposal()
  const effects: ProposedEffect[] = [
    proposal({ args: { ...args, text }, provenance: { ...provenance, '/text': pointer } }),
  ]
  const one = attempt({ effects })
  const { outcome } = one
  if (outcome.outcome !== 'result') throw new Error('The attempt has no result.')
  const read = { ...one, outcome: { ...outcome, result: { ...outcome.result, readings } } }
  const { rounds } = judgeAttempt(read, scene({ registry, policy, gates }))
  return rounds.some(({ state }) => state === 'GRANTED')
}

/** The same lies for every composition: `kinds` for those that a control is about. */
function tellLies(of: { n: number; random: Random; gates: readonly Gate[] }): void {
  for (let n = 0; n < of.n; n += 1) {
    const kind = KINDS[n % KINDS.length] ?? ''
    const pointer = CLAIMS[kind]?.(of.random) ?? { source: 'memory', id: 'none' }
    const text = otherWords(of.random)
    if (isGranted(text, pointer, of.gates)) {
      throw new Error(`granted on a claim: ${JSON.stringify(text)} as ${kind}`)
    }
  }
}

const claim = {
  id: 'no-claimed-label',
  title: 'a pointer that holds something else lets nothing through',
  n: 500,
  seed: 6,
}

guarantee(claim, ({ n, random }) => tellLies({ n, random, gates: ALL_GATES }))

test('the same words with a true pointer pass, so that it is the lie that is refused', () => {
  const span: Pointer = { source: 'goal', path: '/text', span: [17, 28] }
  expect(TEXT.slice(17, 28)).toBe(SAID)
  expect(isGranted(SAID, span, ALL_GATES)).toBe(true)
  const row: Pointer = { source: 'registry', table: 'address', id: 'alice', version: '1' }
  expect(isGranted(REGISTERED, row, ALL_GATES)).toBe(true)
  const read: Pointer = { source: 'tool', tool: 'get_mentions', result_id: 'r1', path: '/text' }
  expect(isGranted(MENTION, read, ALL_GATES)).toBe(false)
})

const instead = (gate: Gate): Gate[] =>
  ALL_GATES.map((one) => (one === GATES.provenance ? gate : one))

/** The source that a pointer names is the label: nobody looks what is there. */
const believing: Gate = ({ effect }) =>
  Object.values(effect.provenance).some(({ source }) => source === 'tool' || source === 'memory')
    ? [{ gate: 'provenance', vote: 'needs_person', reason: 'It says that it was read.' }]
    : []

control({ guard: 'the following of pointers', test: claim.id, expect: /granted on a claim/ }, () =>
  tellLies({ n: KINDS.length, random: seeded(6), gates: instead(believing) }),
)

/** What is there is looked up, and its label taken, whatever the argument says. */
const uncompared: Gate = (input) =>
  GATES.provenance(input).filter(
    ({ code, reason }) => code !== 'PROVENANCE_MISMATCH' || !reason.includes('another value'),
  )

control({ guard: 'the comparison of values', test: claim.id, expect: /granted on a claim/ }, () =>
  tellLies({ n: KINDS.length, random: seeded(6), gates: instead(uncompared) }),
)
