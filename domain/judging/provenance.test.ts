import type { Pointer } from '@chimera/contracts/judging/provenance'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { TEXT, proposal } from './judging-samples.ts'
import { checkProvenance, type Sources } from './provenance.ts'
import { openRegistry } from './registry.ts'

const owner = { goal: { text: TEXT }, trust: 'owner' } as const

describe('provenance', () => {
  it('of verbatim owner words and house defaults is the owner', () => {
    expect(checkProvenance(proposal(), owner)).toMatchObject({ label: 'owner', mismatches: [] })
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

  it.each<Pointer>([
    { source: 'memory', id: 'm1' },
    { source: 'registry', table: 'address', id: 'mallory', version: '1' },
    { source: 'tool', tool: 'get_mentions', result_id: 'r9', path: '' },
    { source: 'model', call_id: 'c9' },
    { source: 'derived', rule: 'canonical-text', from: [{ source: 'model', call_id: 'c9' }] },
  ])('of a pointer that leads nowhere is untrusted and a mismatch: $source', (pointer) => {
    const effect = proposal({ args: { text: 'x' }, provenance: { '/text': pointer } })
    expect(checkProvenance(effect, owner)).toMatchObject({
      label: 'untrusted',
      mismatches: [{ argument: '/text' }],
    })
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

const ALICE = `0x${'ab'.repeat(20)}`
const registry = openRegistry([
  { kind: 'address', name: 'alice', version: 3, value: ALICE },
  { kind: 'address', name: 'bob', version: 1, value: `0x${'cd'.repeat(20)}` },
  { kind: 'asset', name: 'USDC', version: 1, value: { code: 'USDC', decimals: 6 } },
  { kind: 'asset', name: 'WETH', version: 1, value: { code: 'WETH', decimals: 18 } },
])
const USDC = { table: 'asset', id: 'USDC', version: '1' } as const
type Derived = Extract<Pointer, { source: 'derived' }>
type Simple = Derived['from'][number]

/** The label of one argument of a payment, or why it is none. */
const labelOf = (
  name: string,
  value: unknown,
  pointer: Pointer,
  sources: Partial<Sources> = {},
) => {
  const effect = proposal({ args: { [name]: value }, provenance: { [`/${name}`]: pointer } })
  const goal = { text: 'pay 5 USDC to alice' }
  const checked = checkProvenance(effect, { goal, trust: 'owner', registry, ...sources })
  return checked.mismatches[0]?.reason ?? checked.label
}

/** The same of an amount that is paid in USDC. */
const paid = (amount: string, pointer: Pointer, sources: Partial<Sources> = {}) => {
  const effect = proposal({
    tool: 'transfer_erc20',
    args: { amount, asset: 'USDC' },
    provenance: { '/amount': pointer, '/asset': { source: 'registry', ...USDC, path: '/code' } },
  })
  const goal = { text: 'pay 5 USDC to alice' }
  const checked = checkProvenance(effect, { goal, trust: 'owner', registry, ...sources })
  return checked.mismatches[0]?.reason ?? checked.label
}

describe('the address book', () => {
  const row = (over: Partial<Extract<Pointer, { source: 'registry' }>> = {}) => ({
    source: 'registry' as const,
    table: 'address',
    id: 'alice',
    version: '3',
    ...over,
  })
  const named: Simple = { source: 'goal', path: '/text', span: [14, 19] }
  const amount: Simple = { source: 'goal', path: '/text', span: [4, 10] }
  const usdc: Simple = { source: 'registry', ...USDC }

  it('gives its value in any spelling of an address, in its version only', () => {
    expect(labelOf('to', ALICE, row())).toBe('registry')
    expect(labelOf('to', ALICE.toUpperCase().replace('X', 'x'), row())).toBe('registry')
    expect(labelOf('to', ALICE, row({ version: '2' }))).toContain('nothing is found')
    expect(labelOf('to', ALICE, row({ id: 'bob', version: '1' }))).toContain('another value')
  })

  it('is looked up by the name that the owner wrote, and by no other', () => {
    const derived: Derived = { source: 'derived', rule: 'look-up', from: [named, row()] }
    expect(labelOf('to', ALICE, derived)).toBe('derived')
    const other: Derived = { ...derived, from: [named, row({ id: 'bob', version: '1' })] }
    expect(labelOf('to', `0x${'cd'.repeat(20)}`, other)).toContain('nothing is found')
  })

  it('tells what an amount in words is in base units', () => {
    const derived: Derived = { source: 'derived', rule: 'base-units', from: [amount, usdc] }
    expect(paid('5000000', derived)).toBe('derived')
    expect(paid('05000000', derived)).toBe('derived')
    expect(paid('50000000', derived)).toContain('another value')
    expect(paid('5000000', derived, { trust: 'untrusted' })).toBe('untrusted')
    expect(paid('5000000', derived, { goal: { text: 'pay 5 WETH to alice' } })).toContain(
      'nothing is found',
    )
  })

  it('never counts what is paid in one asset by the decimals of another', () => {
    const bare: Simple = { source: 'goal', path: '/text', span: [4, 5] }
    const weth: Simple = { ...usdc, id: 'WETH' }
    const derived: Derived = { source: 'derived', rule: 'base-units', from: [bare, weth] }
    expect(paid(`5${'0'.repeat(18)}`, derived)).toContain('counted in WETH and not as paid')
    expect(labelOf('amount', `5${'0'.repeat(18)}`, derived)).toContain('not as paid')
    expect(labelOf('amount', '5000000', { ...derived, from: [bare, usdc] })).toContain(
      'not as paid',
    )
  })
})

describe('readings and models', () => {
  const readings = [{ id: 'r1', tool: 'get_mentions', value: { text: 'x' } }]
  const calls = (sources: Pointer[]) => [{ id: 'c1', sources, output: { text: 'x' } }]
  const said = { source: 'model', call_id: 'c1', path: '/text' } as const
  const read = { source: 'tool', tool: 'get_mentions', result_id: 'r1', path: '/text' } as const
  const words = { source: 'goal', path: '/text' } as const

  it('answer what they answered, and a stranger’s words stay a stranger’s', () => {
    expect(labelOf('text', 'x', read, { readings })).toBe('untrusted')
    expect(labelOf('text', 'y', read, { readings })).toContain('another value')
    expect(labelOf('text', 'x', { ...read, tool: 'get_limits' }, { readings })).toContain('nothing')
  })

  it('of the house itself are derived', () => {
    const own = [{ id: 'r1', tool: 'get_limits', value: { text: 'x' } }]
    const pointer = { ...read, tool: 'get_limits' }
    expect(labelOf('text', 'x', pointer, { readings: own })).toBe('derived')
  })

  it('a model says at best something derived, and never better than what it had read', () => {
    expect(labelOf('text', 'x', said, { modelCalls: calls([words]) })).toBe('derived')
    expect(labelOf('text', 'x', said, { modelCalls: calls([words, read]), readings })).toBe(
      'untrusted',
    )
    expect(labelOf('text', 'x', said, { modelCalls: calls([read]) })).toBe('untrusted')
    expect(labelOf('text', 'z', said, { modelCalls: calls([words]) })).toContain('another value')
  })

  it('what the attempt had read counts when the call does not name it', () => {
    expect(labelOf('text', 'x', said, { modelCalls: calls([words]), readings })).toBe('untrusted')
  })

  it('a model that read what a model said is followed to the end, and not round a circle', () => {
    const chain = [
      { id: 'c0', sources: [words], output: 'a' },
      { id: 'c1', sources: [{ source: 'model', call_id: 'c0' } as const], output: { text: 'x' } },
    ]
    expect(labelOf('text', 'x', said, { modelCalls: chain })).toBe('derived')
    const circle = [{ id: 'c1', sources: [said], output: { text: 'x' } }]
    expect(labelOf('text', 'x', said, { modelCalls: circle })).toBe('untrusted')
  })
})
