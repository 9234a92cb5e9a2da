/**
 * The coin behind a venue's name for it: `luna`, `LUNA-PERP`, `LUNA/USDC`, `kLUNA` and
 * `dex:LUNA` are all LUNA. A restriction must not be walked around by spelling.
 */
export function baseSymbol(symbol: string): string {
  const [, name = symbol] = /^(?:[^:]*:)?(.*)$/u.exec(symbol.normalize('NFKC')) ?? []
  const [coin = name] = name.split(/[-/_@.\s]/u)
  // Hyperliquid writes a thousand of a cheap coin with a small k before its capitals.
  const single = /^k(?=[A-Z])/u.test(coin) ? coin.slice(1) : coin
  return single.toUpperCase()
}
