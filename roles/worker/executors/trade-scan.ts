import { defineExecutor } from './executor.ts'

/** An exchange answers within seconds; 32 symbols are asked for one by one. */
const TIMEOUT_MS = 60_000
const CONCURRENCY = 4

/**
 * Reads the candles of the symbols. Without a trading server it is denied: there is nothing to
 * read.
 */
export const tradeScan = defineExecutor({
  kind: 'trade.scan',
  timeoutMs: TIMEOUT_MS,
  concurrency: CONCURRENCY,
  async execute({ payload, readTool, signal }) {
    const scans: { symbol: string; candles: unknown }[] = []
    for (const symbol of payload.symbols) {
      signal.throwIfAborted()
      scans.push({ symbol, candles: await readTool('get_candles', { symbol }) })
    }
    return {
      confidence: 1,
      artifacts: [{ name: 'scan', media_type: 'application/json', content: scans }],
      evidence: scans.map(({ symbol }) => ({
        source: 'get_candles',
        detail: `Candles of ${symbol} as the exchange told them.`,
      })),
      proposed_effects: [],
    }
  },
})
