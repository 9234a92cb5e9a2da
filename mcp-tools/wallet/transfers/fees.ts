import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

/** What a transaction offers per unit of gas, in wei. */
export type Fees = Readonly<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }>

/** Twice the present price: it holds through six full blocks, each an eighth dearer. */
const HEADROOM = 2n
/** Nodes take a replacement only when it offers a tenth more (geth); an eighth is safe. */
const BUMP = { numerator: 9n, denominator: 8n } as const

/** Fees for a new transaction, at most the cap; a chain that is dearer now is waited for. */
export function chooseFees(
  { baseFee, tip }: Readonly<{ baseFee: bigint; tip: bigint }>,
  cap: bigint,
): Fees | Refusal {
  const least = baseFee + tip
  if (least > cap) return tooDear(least, cap)
  const wanted = HEADROOM * baseFee + tip
  return { maxFeePerGas: wanted < cap ? wanted : cap, maxPriorityFeePerGas: tip }
}

/**
 * Fees for a replacement of the same nonce: an eighth above what was offered, or the present price
 * when that is more. A refusal when the cap does not allow it.
 */
export function raiseFees(
  offered: Fees,
  market: Readonly<{ baseFee: bigint; tip: bigint }>,
  cap: bigint,
): Fees | Refusal {
  const raised = (fee: bigint): bigint => (fee * BUMP.numerator) / BUMP.denominator + 1n
  const tip = greater(raised(offered.maxPriorityFeePerGas), market.tip)
  const least = greater(raised(offered.maxFeePerGas), market.baseFee + tip)
  if (least > cap) return tooDear(least, cap)
  const wanted = greater(least, HEADROOM * market.baseFee + tip)
  return { maxFeePerGas: wanted < cap ? wanted : cap, maxPriorityFeePerGas: tip }
}

const greater = (left: bigint, right: bigint): bigint => (left > right ? left : right)

function tooDear(least: bigint, cap: bigint): Refusal {
  const detail = `It would have to offer ${least} wei per unit of gas; the limit is ${cap}.`
  return { code: 'LIMIT_EXCEEDED', detail }
}
