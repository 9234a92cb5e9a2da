import type { Delivered } from './consumer-group.ts'

/** Fewer are handled so soon that nobody has to go first. */
const LEAST_TO_SHARE = 64
/** Tenants with no more entries in what was read go before those with more. */
const FEW = 16

/**
 * What was read, in parts that are handled one after the other, at most `maxBatch` entries each.
 * Whoever has few entries beside somebody's hundreds need not wait until those are done. Entries of
 * one tenant keep their order; where there is only one nothing changes.
 */
export function fairSlices(delivered: readonly Delivered[], maxBatch: number): Delivered[][] {
  const [few, many] = delivered.length < LEAST_TO_SHARE ? [[], delivered] : parted(delivered)
  return [...slicesOf(few, maxBatch), ...slicesOf(many, maxBatch)]
}

function parted(delivered: readonly Delivered[]): [readonly Delivered[], readonly Delivered[]] {
  const tenants = delivered.map(tenantOf)
  const counts = new Map<string, number>()
  for (const tenant of tenants) counts.set(tenant, (counts.get(tenant) ?? 0) + 1)
  const hasFew = (_: Delivered, at: number): boolean => (counts.get(tenants[at] ?? '') ?? 0) <= FEW
  const few = delivered.filter((entry, at) => hasFew(entry, at))
  if (few.length === 0 || few.length === delivered.length) return [[], delivered]
  return [few, delivered.filter((entry, at) => !hasFew(entry, at))]
}

/** As the envelope has it; what it is worth is for the handler to say. */
function tenantOf({ raw: { fields } }: Delivered): string {
  for (let at = 0; at < fields.length; at += 2)
    if (fields[at] === 'tenant') return fields[at + 1] ?? ''
  return ''
}

function slicesOf(entries: readonly Delivered[], size: number): Delivered[][] {
  const slices: Delivered[][] = []
  for (let from = 0; from < entries.length; from += size)
    slices.push(entries.slice(from, from + size))
  return slices
}
