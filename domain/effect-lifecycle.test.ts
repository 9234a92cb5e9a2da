import { readFileSync } from 'node:fs'

import { EffectState } from '@chimera/contracts/effect'
import { describe, expect, test } from 'vitest'

import {
  canMoveEffect,
  EFFECT_EDGES,
  holdsSlot,
  isClosedWithoutEffect,
  isEffectFinal,
  mayOpenNextRound,
  needsVoid,
} from './effect-lifecycle.ts'

const GUARDS = new URL('../infra/database/migrations/0002-guards.sql', import.meta.url)

describe('a round of an effect', () => {
  test('moves along exactly the edges that the database lets pass', () => {
    const sql = readFileSync(GUARDS, 'utf8')
    const [, list = ''] =
      /FUNCTION check_effect_move[\s\S]*?NOT IN \(([\s\S]*?)\)\s*THEN/.exec(sql) ?? []
    const guarded = [...list.matchAll(/'([A-Z_]+ [A-Z_]+)'/g)].map(([, edge = '']) => edge)
    const ours = EffectState.options.flatMap((from) =>
      EffectState.options.filter((to) => canMoveEffect(from, to)).map((to) => `${from} ${to}`),
    )
    expect(guarded.length).toBeGreaterThan(20)
    expect(ours.toSorted()).toEqual(guarded.toSorted())
  })

  test('reaches every state from PROPOSED', () => {
    const reached = new Set<EffectState>(['PROPOSED'])
    for (const state of reached) for (const next of EFFECT_EDGES[state]) reached.add(next)
    expect([...reached].toSorted()).toEqual(EffectState.options.toSorted())
  })

  test('is ended after its grant only by the word of the ledger', () => {
    const moves = EffectState.options.flatMap((from) =>
      EFFECT_EDGES[from]
        .map((to) => ({ from, to }))
        .filter((move) => needsVoid(move.from, move.to)),
    )
    expect(moves).toEqual([
      { from: 'GRANTED', to: 'EXPIRED' },
      { from: 'GRANTED', to: 'CANCELLED' },
    ])
  })

  test('that may have happened is never taken for one that did not', () => {
    for (const state of ['GRANTED', 'UNKNOWN', 'NEEDS_HUMAN', 'CONFIRMED'] as const) {
      expect(holdsSlot(state)).toBe(true)
      expect(isClosedWithoutEffect(state)).toBe(false)
      expect(mayOpenNextRound(state, true)).toBe(false)
    }
  })

  test('opens the next only when it is closed without effect', () => {
    const withAttempts = EffectState.options.filter((state) => mayOpenNextRound(state, true))
    const without = EffectState.options.filter((state) => mayOpenNextRound(state, false))
    expect(without.toSorted()).toEqual(['EXPIRED', 'NOT_HAPPENED', 'NOT_SENT', 'REFUSED'])
    expect(withAttempts.toSorted()).toEqual([...without, 'DENIED'].toSorted())
    expect(withAttempts.every((state) => isEffectFinal(state))).toBe(true)
  })
})
