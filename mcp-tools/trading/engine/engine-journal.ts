import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

import { z } from 'zod'

const Whole = z
  .string()
  .regex(/^-?\d{1,40}$/)
  .transform((digits) => BigInt(digits))
const Milliseconds = z.int().nonnegative()
const Level = z.tuple([Whole, Whole]).readonly()
const Quote = z.object({
  asset: z.int(),
  bids: z.array(Level).readonly(),
  asks: z.array(Level).readonly(),
  markMicros: Whole,
  oracleMicros: Whole,
  lowMicros: Whole.exactOptional(),
  highMicros: Whole.exactOptional(),
})
const Order = z.object({
  asset: z.int(),
  isBuy: z.boolean(),
  priceMicros: Whole,
  lots: Whole,
  reduceOnly: z.boolean(),
  tif: z.enum(['Gtc', 'Ioc', 'Alo']),
  trigger: z
    .object({ isMarket: z.boolean(), priceMicros: Whole, tpsl: z.enum(['tp', 'sl']) })
    .exactOptional(),
  cloid: z.string().exactOptional(),
  maxFillLots: Whole.exactOptional(),
})
const Name = z.union([z.strictObject({ oid: Whole }), z.strictObject({ cloid: z.string() })])
const at = { account: z.string(), atMs: Milliseconds }

/** One thing that was done to an engine. */
export const EngineInput = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('place'), ...at, order: Order }),
  z.object({ kind: z.literal('cancel'), ...at, asset: z.int(), name: Name }),
  z.object({ kind: z.literal('leverage'), ...at, asset: z.int(), leverage: z.int() }),
  z.object({ kind: z.literal('deposit'), ...at, amountMicros: Whole }),
  z.object({ kind: z.literal('tick'), quotes: z.array(Quote).readonly(), atMs: Milliseconds }),
])
export type EngineInput = z.infer<typeof EngineInput>

/** An append-only file of inputs. */
export type EngineJournal = Disposable &
  Readonly<{
    restored: readonly EngineInput[]
    /** Whole and in the file before it returns; a kill afterwards loses nothing. */
    append: (input: EngineInput) => void
  }>

/** Opens or makes the file. A last line that a kill has torn was never answered and is cut off. */
export function openEngineJournal(path: string): EngineJournal {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const descriptor = openSync(path, 'a+', 0o600)
  const text = readFileSync(descriptor, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) ftruncateSync(descriptor, Buffer.byteLength(whole))
  return {
    restored: whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => EngineInput.parse(JSON.parse(line))),
    append: (input) => {
      const line = JSON.stringify(input, (_key, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : value,
      )
      const bytes = Buffer.from(`${line}\n`, 'utf8')
      let written = 0
      while (written < bytes.length) written += writeSync(descriptor, bytes, written)
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  }
}
