import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'

import type { ChosenLedger } from './choose-ledgers.ts'

/**
 * Puts the backup's ledger where its server looks for it. What lay there is moved aside, with its
 * write-ahead log, and never deleted. Returns where it lies now.
 */
export function placeLedger({ file, staged }: ChosenLedger): string | null {
  if (file === undefined || staged === undefined) return null
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  // First beside it, on the same disk: then there is only a rename between the two.
  const fresh = `${file}.restoring`
  copyFileSync(staged, fresh)
  chmodSync(fresh, 0o600)
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '')
  const aside = `${file}.before-${stamp}`
  let isMoved = false
  for (const suffix of ['-wal', '-shm', '']) {
    if (!existsSync(file + suffix)) continue
    renameSync(file + suffix, aside + suffix)
    isMoved = true
  }
  renameSync(fresh, file)
  return isMoved ? aside : null
}
