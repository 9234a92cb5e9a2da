import { playCandles, type CandlePlayer } from '../candles/candle-player.ts'
import { openCandleStream } from '../candles/candle-stream.ts'
import { loadRecording } from '../candles/recording.ts'
import { createAsk } from '../hyperliquid/info/ask.ts'
import { createMarketReads } from '../hyperliquid/info/market-reads.ts'

/** Ten questions of weight 20 a look: 800 of the 1,200 that an address may ask in a minute. */
const EVERY_MS = 15_000
const READ_DEADLINE_MS = 5_000

/**
 * What moves the prices: the recording, or the living market behind `url`, which is only read. What
 * it opens is closed with the stack.
 */
export async function openCandleSource(options: {
  url: string | undefined
  stack: AsyncDisposableStack
  onFault: (cause: unknown, symbol: string) => void
}): Promise<CandlePlayer> {
  const recorded = playCandles(loadRecording())
  if (options.url === undefined) return recorded
  const ask = createAsk({ baseUrl: new URL(options.url), deadlineMs: READ_DEADLINE_MS })
  const { candles } = createMarketReads({ ask, now: Date.now })
  return options.stack.use(
    await openCandleStream({
      markets: recorded.markets,
      read: async (of, signal) => candles(of, { signal }),
      everyMs: EVERY_MS,
      now: Date.now,
      onFault: options.onFault,
    }),
  )
}
