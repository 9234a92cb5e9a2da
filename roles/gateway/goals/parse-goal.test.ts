import { ChimeraError, type Fault } from '@chimera/contracts/errors'
import { describe, expect, it } from 'vitest'

import { parseGoal } from './parse-goal.ts'

function faultsOf(body: unknown): readonly Fault[] {
  try {
    parseGoal(body)
  } catch (error) {
    if (error instanceof ChimeraError && error.code === 'INPUT_INVALID') return error.faults
    throw error
  }
  throw new Error('accepted')
}

const pointers = (body: unknown): string[] => faultsOf(body).map(({ pointer }) => pointer)

describe('a goal in a body', () => {
  it('is in words or structured', () => {
    expect(parseGoal({ text: 'hello' })).toEqual({ text: 'hello', mode: 'paper' })
    expect(parseGoal({ kind: 'tweet.post', params: { text: 'a' }, mode: 'dry' })).toEqual({
      kind: 'tweet.post',
      params: { text: 'a' },
      mode: 'dry',
    })
  })

  it('names every field that is wrong', () => {
    expect(pointers({ text: 7, mode: 'wild', id: 'two words' }).toSorted()).toEqual([
      '/id',
      '/mode',
      '/text',
    ])
    expect(faultsOf({})).toEqual([{ pointer: '/text', detail: 'is missing' }])
    expect(pointers({ kind: 'tweet.post' })).toEqual(['/params'])
    expect(pointers({ text: 'a'.repeat(10_001) })).toEqual(['/text'])
    expect(pointers({ text: 'a', max_cost_usd: -1 })).toEqual(['/max_cost_usd'])
  })

  it('never names a tenant', () => {
    for (const name of ['tenant', 'tenant_id']) {
      expect(faultsOf({ text: 'a', [name]: 'x' })).toEqual([
        { pointer: `/${name}`, detail: 'is not accepted: the token names the tenant' },
      ])
    }
  })

  it('has parameters of known types, and says where one is not', () => {
    expect(pointers({ kind: 'tweet.post', params: { text: { deep: 1 } } })).toEqual([
      '/params/text',
    ])
    expect(pointers({ kind: 'tweet.post', params: { list: ['a', 1] } })).toEqual(['/params/list/1'])
    expect(pointers({ kind: 'tweet.post', params: { text: '' } })).toEqual(['/params/text'])
  })

  it('is an object, and not both', () => {
    for (const body of [null, [], 'text', 1, true]) expect(pointers(body)).toEqual([''])
    expect(pointers({ text: 'a', kind: 'tweet.post', params: {} })).toEqual(['/text'])
  })

  it('has the parameters of its kind', () => {
    expect(pointers({ kind: 'tweet.post', params: { text: 5 } })).toEqual(['/params/text'])
    expect(() => parseGoal({ kind: 'tweet.shout', params: {} })).toThrow(/tweet\.post/)
  })
})
