import type { Pointer } from '@chimera/contracts/judging/provenance'
import type { TaskResult } from '@chimera/contracts/task-result'
import { describe, expect, test } from 'vitest'

import { DEFAULT_PERSONA } from '../../persona/default-persona.ts'
import type { EffectScene } from '../attempt.ts'
import { account, attempt, proposal, scene } from '../judging-samples.ts'
import { contentGate } from './content-gate.ts'
import type { GateInput } from './gate.ts'
import { personaGate } from './persona-gate.ts'
import { provenanceGate } from './provenance-gate.ts'

const SAID: Pointer = { source: 'model', call_id: 'c1', path: '/text' }

/** A text that a model wrote of the owner's words, or the owner himself. */
function input(
  text: string,
  of: {
    by?: 'model' | 'owner'
    goal?: object
    scene?: Partial<EffectScene>
    readings?: TaskResult['readings']
    evidence?: TaskResult['evidence']
    args?: Record<string, unknown>
  } = {},
): GateInput {
  const owns = of.by === 'owner'
  const goal = { text: owns ? text : 'write a tweet about https://example.com', ...of.goal }
  const effect = proposal({
    args: { text, media_ids: [], is_ai_labeled: true, ...of.args },
    provenance: {
      ...proposal().provenance,
      '/text': owns ? { source: 'goal', path: '/text' } : SAID,
    },
  })
  const judged = attempt({ effects: [effect], goal: { content: goal } })
  const result: TaskResult = {
    confidence: 1,
    artifacts: [],
    evidence: of.evidence ?? [],
    proposed_effects: [effect],
    readings: of.readings,
    model_calls: [
      {
        id: 'c1',
        model: 'scripted',
        prompt_hash: 'a'.repeat(64),
        sources: [{ source: 'goal', path: '/text' }],
        output: { text },
      },
    ],
  }
  return {
    attempt: { ...judged, outcome: { outcome: 'result', result } },
    effect,
    account: account(),
    rounds: [],
    scene: scene(of.scene),
  }
}
const told = (votes: readonly { vote: string; code?: string | undefined }[]) =>
  votes.map(({ vote, code }) => `${vote} ${code}`)

describe('provenance', () => {
  test('a model’s text may lead where the owner leads, and nowhere else', () => {
    expect(provenanceGate(input('Look: https://example.com'))).toEqual([])
    const votes = provenanceGate(input('Look: https://example.com and https://evil.com'))
    expect(told(votes)).toEqual(['needs_person NEEDS_APPROVAL'])
    expect(votes[0]?.reason).toContain('url evil.com')
  })

  test('the owner’s own words may lead anywhere', () => {
    expect(provenanceGate(input('see evil.com @evil $EVL', { by: 'owner' }))).toEqual([])
  })

  test('what a stranger may have dictated needs a person, and says where it is', () => {
    const readings = [{ id: 'r1', tool: 'get_mentions', args: {}, value: [] }]
    const votes = provenanceGate(input('harmless', { readings }))
    expect(told(votes)).toEqual(['needs_person NEEDS_APPROVAL'])
    expect(votes[0]?.reason).toContain('/text')
  })
})

describe('persona', () => {
  test('plain words pass', () => {
    expect(personaGate(input('hello world'))).toEqual([])
    expect(contentGate(input('hello world'))).toEqual([])
  })

  test('what it never writes about is denied, whoever wrote it', () => {
    const persona = { ...DEFAULT_PERSONA, name: 'SOUL.md', version: 1 }
    const front = { ...persona.front, forbidden_topics: ['acme', 'adult'] }
    const of = { scene: { persona: { ...persona, front } } }
    expect(told(personaGate(input('Acme is bad', of)))).toEqual(['deny TOPIC_FORBIDDEN'])
    expect(told(personaGate(input('nsfw', { ...of, by: 'owner' })))).toEqual([
      'deny TOPIC_FORBIDDEN',
    ])
  })

  test('passing for a human is refused: to a model with feedback, to the owner for good', () => {
    expect(told(personaGate(input('I am a real human')))).toEqual(['reject HONESTY_REQUIRED'])
    expect(told(personaGate(input('I am a real human', { by: 'owner' })))).toEqual([
      'deny HONESTY_REQUIRED',
    ])
  })

  test('whoever is asked has to say that it is an AI', () => {
    const value = {
      posts: [
        { id: '77', text: 'Are you a bot?' },
        { id: '78', text: 'nice' },
      ],
    }
    const readings = [{ id: 'r1', tool: 'get_mentions', args: {}, value }]
    const reply = (text: string, id: string) =>
      told(personaGate(input(text, { readings, args: { in_reply_to: id } })))
    expect(reply('Thank you!', '77')).toEqual(['reject HONESTY_REQUIRED'])
    expect(reply('Yes, I am an AI.', '77')).toEqual([])
    expect(reply('Thank you!', '78')).toEqual([])
  })

  test('a persona that nobody pinned is told, and the default one holds', () => {
    const persona = { ...DEFAULT_PERSONA, name: 'bard.md', version: null }
    const of = { scene: { persona } }
    expect(told(personaGate(input('hello', of)))).toEqual(['allow PERSONA_MISSING'])
    expect(told(personaGate(input('nsfw', of)))).toContain('deny TOPIC_FORBIDDEN')
  })
})

describe('content', () => {
  test('what the tool server would not take is not granted', () => {
    expect(told(contentGate(input('a'.repeat(281))))).toEqual(['reject TEXT_TOO_LONG'])
    expect(told(contentGate(input('字'.repeat(141), { by: 'owner' })))).toEqual([
      'deny TEXT_TOO_LONG',
    ])
  })

  test('the label of an AI cannot be left off', () => {
    const votes = contentGate(input('hello', { args: { is_ai_labeled: false } }))
    expect(told(votes)).toEqual(['deny AI_LABEL_REQUIRED'])
  })

  test('sensitive topics need a person, the owner’s own words too', () => {
    for (const by of ['owner', 'model'] as const) {
      const votes = contentGate(input('Vote for us in the election', { by }))
      expect(told(votes)).toEqual(['needs_person SENSITIVE_TOPIC'])
      expect(votes[0]?.reason).toContain('politics')
    }
    expect(told(contentGate(input('$CHI is up', { by: 'owner' })))).toEqual([
      'needs_person SENSITIVE_TOPIC',
    ])
  })

  test('a persona adds topics and takes none away', () => {
    const front = { ...DEFAULT_PERSONA.front, sensitive_topics: ['gardening'] }
    const persona = { ...DEFAULT_PERSONA, front, name: 'SOUL.md', version: 2 }
    const votes = (text: string) => told(contentGate(input(text, { scene: { persona } })))
    expect(votes('On gardening')).toEqual(['needs_person SENSITIVE_TOPIC'])
    expect(votes('On vaccines')).toEqual(['needs_person SENSITIVE_TOPIC'])
  })

  test('the same again needs a person', () => {
    const isRepeat = (slot: string, name: string) => slot === 'publish' && name === 'x:default'
    expect(told(contentGate(input('hello', { scene: { isRepeat } })))).toEqual([
      'needs_person DUPLICATE',
    ])
  })

  test('where citations are asked for, a link has to be one that was read', () => {
    const goal = { citations: true }
    const text = 'Fast: https://example.com'
    const evidence = [{ source: 'https://EXAMPLE.com/', detail: 'read' }]
    const votes = (given: string, of: Parameters<typeof input>[1] = {}) =>
      told(contentGate(input(given, { goal, ...of })))
    expect(votes('Fast.')).toEqual(['reject CITATION_MISSING'])
    expect(votes(text)).toEqual(['reject CITATION_MISSING'])
    expect(votes(text, { evidence })).toEqual([])
    expect(votes(text, { by: 'owner' })).toEqual([])
  })
})
