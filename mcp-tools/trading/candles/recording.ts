import { readFileSync } from 'node:fs'

import { MICROS, parseDecimal } from '../decimal/decimal.ts'

/** One hour of the recording: prices in micros, volume in thousandths of a bitcoin. */
export type RecordedHour = Readonly<{
  open: bigint
  high: bigint
  low: bigint
  close: bigint
  volumeMilli: bigint
}>

const FILE = new URL('recording/btc-1h.csv', import.meta.url)
const HEADER = 'open,high,low,close,volume_btc'

/** The hours that the product carries, oldest first. Throws RangeError when the file is damaged. */
export function loadRecording(): readonly RecordedHour[] {
  const [header, ...lines] = readFileSync(FILE, 'utf8').trimEnd().split('\n')
  if (header !== HEADER) throw new RangeError(`${FILE.pathname} does not begin with ${HEADER}.`)
  return lines.map((line) => {
    const [open, high, low, close, volume] = line.split(',')
    return {
      open: numberOf(open, MICROS),
      high: numberOf(high, MICROS),
      low: numberOf(low, MICROS),
      close: numberOf(close, MICROS),
      volumeMilli: numberOf(volume, 3),
    }
  })
}

function numberOf(text: string | undefined, scale: number): bigint {
  const value = parseDecimal(text ?? '', scale)
  if (value === undefined) throw new RangeError(`"${text}" in ${FILE.pathname} is no number.`)
  return value
}
