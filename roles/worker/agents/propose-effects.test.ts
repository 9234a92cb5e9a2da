import { expect, test } from 'vitest'

import { proposeEffects, type BoundArgument } from './propose-effects.ts'

const fixed: BoundArgument = {
  slot: 'reply:7',
  name: 'in_reply_to',
  value: '7',
  pointer: { source: 'goal', path: '/text', span: [9, 10] },
}

const turn = (args: Record<string, unknown>, slot = 'reply:7') => ({
  reads: [],
  effects: [{ slot, tool: 'reply_tweet', args }],
  answer: '',
  confidence: 1,
})

test('what the plan has fixed is the owner’s, what the model wrote is the model’s', () => {
  expect(proposeEffects('call', turn({ in_reply_to: '7', text: 'hi' }), [fixed])).toEqual([
    {
      slot: 'reply:7',
      tool: 'reply_tweet',
      args: { in_reply_to: '7', text: 'hi', is_ai_labeled: true },
      provenance: {
        '/in_reply_to': fixed.pointer,
        '/text': { source: 'model', call_id: 'call', path: '/effects/0/args/text' },
        '/is_ai_labeled': { source: 'default', rule: 'ai-labeled' },
      },
    },
  ])
})

test.each([
  ['another value', turn({ in_reply_to: '8' })],
  ['the same value in another slot', turn({ in_reply_to: '7' }, 'reply:8')],
])('%s than the plan has is the model’s own', (_what, said) => {
  const [effect] = proposeEffects('call', said, [fixed])
  expect(effect?.provenance['/in_reply_to']).toMatchObject({ source: 'model' })
})

test('a name with a slash is still one name', () => {
  const [effect] = proposeEffects('call', turn({ 'a/b~c': 1 }), [])
  expect(effect?.provenance['/a/b~c']).toMatchObject({ path: '/effects/0/args/a~1b~0c' })
})
