import { describe, expect, test } from 'vitest'

import { DEFAULT_PERSONA } from './default-persona.ts'
import { admitsMachine, asksForMachine, deniesMachine, HONESTY_DIRECTIVE } from './honesty.ts'
import { renderPersona } from './render-persona.ts'

describe('honesty', () => {
  test.each([
    'I am not a bot, I swear',
    'I’m a real human being',
    'Im just a human',
    'No AI here!',
    'This account is run by a human',
    'Ｉ ａｍ ｎｏｔ ａ ｂｏｔ',
    'I am n\u200Bot an AI.',
    'real human here, hello',
  ])('%j says that a human speaks', (text) => {
    expect(deniesMachine(text)).toBe(true)
    expect(admitsMachine(text)).toBe(false)
  })

  test.each([
    'hello world',
    'I am an AI, not a human.',
    'Human rights matter to humans',
    'Robots are not human',
    'I am humbled',
    'We are not aiming for more',
  ])('%j does not', (text) => {
    expect(deniesMachine(text)).toBe(false)
  })

  test.each([
    'Are you a bot?',
    'hey @chimera r u human',
    'is this an AI',
    'Bot or human?',
    'am I talking to a real person here',
    'are you real?',
  ])('%j asks', (text) => {
    expect(asksForMachine(text)).toBe(true)
  })

  test.each(['Are you going?', 'Is this about robots?', 'a human asked', 'thank you'])(
    '%j does not ask',
    (text) => {
      expect(asksForMachine(text)).toBe(false)
    },
  )

  test.each(['Yes, I am an AI.', "I'm a bot", 'This account is automated, by Chimera'])(
    '%j admits it',
    (text) => {
      expect(admitsMachine(text)).toBe(true)
    },
  )

  test.each(['Who knows?', 'I am Chimera.', 'I like AI'])('%j does not admit it', (text) => {
    expect(admitsMachine(text)).toBe(false)
  })
})

test('every persona is told to be honest, last and above all else', () => {
  const front = { ...DEFAULT_PERSONA.front, directives: [], voice_traits: [] }
  for (const persona of [DEFAULT_PERSONA, { front, body: '' }]) {
    expect(renderPersona(persona).endsWith(HONESTY_DIRECTIVE)).toBe(true)
  }
})
