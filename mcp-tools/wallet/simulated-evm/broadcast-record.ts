import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

import { SimulatedRequest } from '@chimera/contracts/observable'

/** What is known of a request before it has its number and its time. */
type Recorded = Omit<SimulatedRequest, 'n' | 'received_at'> & { receivedAtMs: number }

/** The simulated chain's own word on what reached it: one JSON line a broadcast, append-only. */
export type BroadcastRecord = Disposable &
  Readonly<{
    /** What earlier lives of this process wrote. */
    restored: readonly SimulatedRequest[]
    /** Writes one line, whole, before it returns. */
    append: (request: Recorded) => void
  }>

/** Opens or creates the record. A last line torn by a kill was never answered and is cut off. */
export function openBroadcastRecord(path: string): BroadcastRecord {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const descriptor = openSync(path, 'a+', 0o600)
  const text = readFileSync(descriptor, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) ftruncateSync(descriptor, Buffer.byteLength(whole))
  const lines = whole.split('\n').filter((line) => line !== '')
  const restored = lines.map((line) => SimulatedRequest.parse(JSON.parse(line)))
  let n = restored.at(-1)?.n ?? 0
  return {
    restored,
    append: ({ receivedAtMs, ...request }) => {
      n += 1
      const line = { n, received_at: new Date(receivedAtMs).toISOString(), ...request }
      writeSync(descriptor, `${JSON.stringify(line)}\n`)
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  }
}
