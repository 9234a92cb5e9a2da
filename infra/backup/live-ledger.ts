import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { removeLedger } from './copy-ledger.ts'
import { openLedgerFile } from './ledger-file.ts'

/** A whole ledger over loopback; the holder makes its copy first. */
const WITHIN_MS = 60_000

/**
 * Asks the server that holds a ledger for a copy (`GET /control/backup`). False when it does not
 * answer with one: then the file has to do.
 */
export async function fetchLedger(of: {
  url: string
  token: string
  target: string
}): Promise<boolean> {
  await mkdir(path.dirname(of.target), { recursive: true, mode: 0o700 })
  try {
    const response = await fetch(new URL('/control/backup', of.url), {
      headers: { authorization: `Bearer ${of.token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(WITHIN_MS),
    })
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel()
      return false
    }
    await pipeline(
      Readable.fromWeb(response.body),
      createWriteStream(of.target, { flags: 'wx', mode: 0o600 }),
    )
    openLedgerFile(of.target, '')[Symbol.dispose]()
    return true
  } catch {
    removeLedger(of.target)
    return false
  }
}
