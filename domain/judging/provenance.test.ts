import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { TEXT, proposal } from './judging-samples.ts'
import { checkProvenance } from './provenance.ts'

const owner = { goal: { text: TEXT }, trust: 'owner' } as const

describe('provenance', () => {
  it('of verbatim owner words and house defaults is the owner', () => {
    expect(checkProvenance(proposal(), owner)).toEqual({ label: 'owner', mismatches: [] })
  })

  it('of an argument without a pointer is untrusted', () => {
    const { label, mismatches } = checkProvenance(proposal({ provenance: {} }), owner)
    expect(label).toBe('untrusted')
    expect(mismatches).toHaveLength(3)
  })

  it('never follows a pointer into inherited properties', () => {
    const args = { text: 'x' }
    const provenance = { '/text': { source: 'goal', path: '/__proto__/toString' } } as const
    const checked = checkProvenance(proposal({ args, provenance }), owner)
    expect(checked.label).toBe('untrusted')
  })

  it('compares canonical forms: the same letters composed differently are the same', () => {
    const goal = { text: 'caf\u00e9' }
    const args = { text: 'cafe\u0301' }
    const provenance = { '/text': { source: 'goal', path: '/text' } } as const
    const checked = checkProvenance(proposal({ args, provenance }), { goal, trust: 'owner' })
    expect(checked.mismatches).toEqual([])
  })

  it('of registry, tool, memory and model pointers is untrusted until they can be followed', () => {
    const args = { text: 'x' }
    const provenance = { '/text': { source: 'memory', id: 'm1' } } as const
    expect(checkProvenance(proposal({ args, provenance }), owner).label).toBe('untrusted')
  })

  it('holds for a text only when it is the very words that its span points at', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.nat(80), fc.nat(80), (text, start, end) => {
        const effect = proposal({
          args: { text },
          provenance: { '/text': { source: 'goal', path: '/text', span: [start, end] } },
        })
        const { label } = checkProvenance(effect, owner)
        expect(label === 'owner').toBe(
          TEXT.slice(start, end).normalize('NFC') === text.normalize('NFC') &&
            start < end &&
            end <= TEXT.length,
        )
      }),
    )
  })
})
