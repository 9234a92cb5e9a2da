import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

import { SimulatedRequest } from '@chimera/contracts/observable'

/** What is known of a request before it has its number and its time. */
export type RecordedRequest = Omit<SimulatedRequest, 'n' | 'received_at'> & { receivedAtMs: number }

/** A simulated provider's own word on what reached it: a JSON line a request, append-only. */
export type RequestRecord = Disposable & {
  /** What earlier lives of this process wrote. */
  readonly restored: readonly SimulatedRequest[]
  /**
   * Writes one line, whole, before it returns: whoever sends its answer afterwards can be killed
   * at any moment and the line still stands. Not synced to disk, for no test pulls the plug.
   */
  readonly append: (request: RecordedRequest) => void
}

/** Opens or creates the record. A last line torn by a kill was never answered and is cut off. */
export function openRequestRecord(path: string): RequestRecord {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // Read first, through a descriptor of its own; nothing else writes this file.
  const descriptor = openSync(path, 'a+', 0o600)
  const text = readFileSync(descriptor, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) ftruncateSync(descriptor, Buffer.byteLength(whole))
  const restored = whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => SimulatedRequest.parse(JSON.parse(line)))
  let n = restored.at(-1)?.n ?? 0

  const append = ({ receivedAtMs, ...request }: RecordedRequest): void => {
    n += 1
    const line = { n, received_at: new Date(receivedAtMs).toISOString(), ...request }
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`, 'utf8')
    let written = 0
    while (written < bytes.length) written += writeSync(descriptor, bytes, written)
  }
  return { restored, append, [Symbol.dispose]: () => closeSync(descriptor) }
}
