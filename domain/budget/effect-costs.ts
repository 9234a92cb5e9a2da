import { HOUSE_ASSETS, movesMoney, TRANSFERS } from '@chimera/contracts/budget/moving-tools'
import { NATIVE_ASSET } from '@chimera/contracts/money'

/** What an effect takes beside US dollars: tokens of a chain, a place among today's transfers. */
export type EffectCost = { readonly asset: string; readonly amount: bigint }

/** Longer numbers fit no chain: 256 bits have 78 digits. */
const BASE_UNITS = /^[1-9][0-9]{0,77}$/
const ASSET = /^[A-Z][A-Z0-9]{1,11}$/

/**
 * What one effect of a wallet takes in assets of its own, in base units: its amount, never turned
 * into another asset, and one transfer. Nothing for the tools of other servers; amounts that no
 * tool would take count nothing, because the tool server refuses them.
 */
export function effectCosts(tool: string, args: Readonly<Record<string, unknown>>): EffectCost[] {
  if (!movesMoney(tool)) return []
  const costs: EffectCost[] = [{ asset: TRANSFERS, amount: 1n }]
  const asset = tool === 'transfer_native' ? NATIVE_ASSET : args['asset']
  const { amount } = args
  if (typeof asset !== 'string' || !ASSET.test(asset)) return costs
  if (HOUSE_ASSETS.includes(asset)) return costs
  if (typeof amount !== 'string' || !BASE_UNITS.test(amount)) return costs
  return [...costs, { asset, amount: BigInt(amount) }]
}
