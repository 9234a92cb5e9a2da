/**
 * What an amount is worth in micros of a US dollar, rounded up: a limit never counts less than is
 * spent. `usdMicros` is the price of a whole unit of `10^decimals`.
 */
export function valueOf(
  amount: bigint,
  { usdMicros, decimals }: Readonly<{ usdMicros: bigint; decimals: number }>,
): bigint {
  const unit = 10n ** BigInt(decimals)
  return (amount * usdMicros + unit - 1n) / unit
}
