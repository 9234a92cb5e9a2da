import { closeSync, fstatSync, openSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'

import type { Ledger } from './ledger.ts'

/** A whole copy of a ledger, open for reading; its file has no name any more. */
export type LedgerCopy = Disposable &
  Readonly<{ fd: number; bytes: number; ledgerId: string; seq: number }>

/** A million effects. Copying stops the server for as long: some seconds at this size. */
const MAX_BYTES = 1_073_741_824

/**
 * Makes copies of a live ledger, one at a time: the holder's own `VACUUM INTO` into a file beside
 * it, which only its owner may read and which goes away with the copy. The ledger itself is never
 * opened a second time (design.md section 12). Throws IN_PROGRESS, BODY_TOO_LARGE.
 */
export function openLedgerCopies(ledger: Ledger): () => LedgerCopy {
  let isCopying = false
  return () => {
    if (isCopying) throw new RetryableError('IN_PROGRESS', 'Another backup is under way.')
    const bytes = ledger.bytes()
    if (bytes > MAX_BYTES) {
      const message = `The ledger has ${bytes} bytes; at most ${MAX_BYTES} are copied alive.`
      throw new TerminalError('BODY_TOO_LARGE', message)
    }
    const fd = copy(ledger)
    isCopying = true
    return {
      fd,
      bytes: fstatSync(fd).size,
      ledgerId: ledger.id,
      seq: ledger.seq(),
      [Symbol.dispose]: () => {
        closeSync(fd)
        isCopying = false
      },
    }
  }
}

function copy(ledger: Ledger): number {
  const folder = dirname(ledger.path)
  const prefix = `${basename(ledger.path)}.copy-`
  const path = join(folder, `${prefix}${newId()}`)
  try {
    closeSync(openSync(path, 'wx', 0o600))
    ledger.copyInto(path)
    return openSync(path, 'r')
  } finally {
    // Those of a server that was killed meanwhile as well.
    const left = readdirSync(folder).filter((name) => name.startsWith(prefix))
    for (const name of left) rmSync(join(folder, name), { force: true })
  }
}
