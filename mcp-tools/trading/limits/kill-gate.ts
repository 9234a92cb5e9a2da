import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

/** The levels of the kill switch (requirements 4.4, X14, X15). */
export const KILL_LEVELS = [
  'SAFE',
  'CAUTION',
  'DEFENSIVE',
  'LOCKDOWN',
  'EMERGENCY',
  'SHUTDOWN',
] as const

/** From here on only what reduces passes. */
const ONLY_EXITS = 2
/** Nothing is traded any more, exits included. */
const NOTHING = 5

/** What a call would do to the account's risk. A cancel takes an offer back, at any level. */
export type RiskOf = 'opens' | 'reduces' | 'cancels'

/** Whether the kill level lets a call through. Asked in the claim's own transaction. */
export function killRefusal(level: number, risk: RiskOf): Refusal | undefined {
  const isStopped = risk === 'opens' ? level >= ONLY_EXITS : level >= NOTHING
  if (risk === 'cancels' || !isStopped) return undefined
  const what = level >= NOTHING ? 'nothing is traded' : 'only reduce-only orders pass'
  const detail = `The kill level is ${level} (${KILL_LEVELS[level] ?? 'unknown'}): ${what}.`
  return { code: 'KILL_LEVEL', detail }
}

/** CAUTION halves what a position may grow to (X15). */
export const sizeDivisor = (level: number): bigint => (level >= 1 ? 2n : 1n)
