/** The value below which the given share of the values lies (nearest rank); NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** With as many digits as can be meant; `-` for what was not measured. */
export function shown(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return `${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`
}

/** Figures of several rounds in a few words: the middle, and the worst. */
export function summarize(values: readonly number[]): Summary {
  const finite = values.filter((value) => Number.isFinite(value))
  return {
    n: finite.length,
    min: quantile(finite, 0),
    p50: median(finite),
    p99: quantile(finite, 0.99),
    max: quantile(finite, 1),
  }
}
export type Summary = { n: number; min: number; p50: number; p99: number; max: number }
