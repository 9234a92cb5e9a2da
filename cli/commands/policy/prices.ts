import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

const Prices = z.object({
  prices: z.array(
    z.object({
      asset: z.string(),
      usd: z.string(),
      decimals: z.int(),
      taken_at: z.string(),
      source: z.string(),
    }),
  ),
})

/** Writes a price down. */
export async function setPrice(
  of: Readonly<{ asset: string; usd: string; decimals: number; source: string; json?: boolean }>,
  context: CliContext,
): Promise<void> {
  const { json, ...price } = of
  const client = await openGatewayClient(context)
  const answer = await client.post('/v1/policy/prices', price)
  context.out(json === true ? printableJson(answer) : `${price.asset} is ${price.usd} dollars now.`)
}

/** The newest price of each asset. */
export async function listPrices(
  options: Readonly<{ json?: boolean }>,
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const { prices } = Prices.parse(await client.get('/v1/policy/prices'))
  if (options.json === true) return context.out(printableJson(prices))
  if (prices.length === 0) return context.out('No prices.')
  const rows = prices.map((one) => [one.asset, one.usd, one.decimals, one.taken_at, one.source])
  const head = ['asset', 'dollars', 'decimals', 'taken', 'source']
  for (const line of renderTable(head, rows)) context.out(line)
}
