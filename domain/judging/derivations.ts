import type { DerivationRule } from '@chimera/contracts/judging/provenance'
import { AssetValue } from '@chimera/contracts/judging/registry'
import { parseUnits } from '@chimera/contracts/money'

import { canonicalText } from './text/weigh-text.ts'

/** A value that a pointer led to, with the name of its row where it is one of the registry. */
export type Ingredient = { readonly value: unknown; readonly name?: string }

const AMOUNT = /^([0-9]{1,15}(?:\.[0-9]{1,18})?)(?:\s+([A-Z][A-Z0-9]{1,11}))?$/

/**
 * Makes a value again by its rule; undefined when the rule does not fit what it is given. Nothing
 * else makes a value of others: what a model worked out is the model's.
 */
export function derive(rule: DerivationRule, from: readonly Ingredient[]): unknown {
  const [first, second] = from
  switch (rule) {
    case 'base-units':
      return from.length === 2 ? baseUnits(first, second) : undefined
    case 'look-up':
      return from.length === 2 ? lookedUp(first, second) : undefined
    case 'canonical-text':
      return from.length === 1 && typeof first?.value === 'string'
        ? canonicalText(first.value)
        : undefined
  }
}

/** `5` or `5 USDC` by the decimals of the asset's row: `5000000`. */
function baseUnits(words: Ingredient | undefined, row: Ingredient | undefined): unknown {
  const asset = AssetValue.safeParse(row?.value)
  if (row?.name === undefined || !asset.success || typeof words?.value !== 'string')
    return undefined
  const [, amount, code] = AMOUNT.exec(words.value.trim()) ?? []
  if (amount === undefined || (code !== undefined && code !== asset.data.code)) return undefined
  return parseUnits(amount, asset.data.decimals)?.toString()
}

/** The row that the words name, and no other. */
function lookedUp(words: Ingredient | undefined, row: Ingredient | undefined): unknown {
  if (row?.name === undefined || typeof words?.value !== 'string') return undefined
  return spelled(words.value) === spelled(row.name) ? row.value : undefined
}

const spelled = (name: string): string => name.normalize('NFC').trim().toLowerCase()
