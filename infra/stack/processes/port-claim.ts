import { mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { tryLock } from './file-lock.ts'
import { findFreePort } from './free-port.ts'

/** A port that no other stack of this user takes while the claim is held. */
export type PortClaim = Readonly<{ port: number }> & Disposable

/** So many ports are looked at before one is taken without a claim. */
const TRIES = 20

/**
 * Claims the first of the wanted ports that is free, else any free one. Two stacks that start in
 * the same second would both find a port free on which a process listens only a second later; the
 * claim is a lock that both can see.
 */
export async function claimPort(wanted: readonly (number | undefined)[] = []): Promise<PortClaim> {
  const folder = await claimFolder()
  for (const port of wanted) {
    const claim = port === undefined ? undefined : await tryClaim(folder, port)
    if (claim !== undefined) return claim
  }
  for (let tries = 0; tries < TRIES; tries += 1) {
    const claim = await tryClaim(folder, await findFreePort())
    if (claim !== undefined) return claim
  }
  return { port: await findFreePort(), [Symbol.dispose]: () => undefined }
}

async function tryClaim(folder: string | undefined, port: number): Promise<PortClaim | undefined> {
  const lock = folder === undefined ? undefined : tryLock(path.join(folder, `${port}.lock`))
  if (folder !== undefined && lock === undefined) return undefined
  if ((await findFreePort([port])) === port)
    return { port, [Symbol.dispose]: () => lock?.[Symbol.dispose]() }
  lock?.[Symbol.dispose]()
  return undefined
}

/**
 * Nothing when somebody else sits on the name: then the race is left to luck, not to a stranger.
 */
async function claimFolder(): Promise<string | undefined> {
  const uid = process.getuid?.() ?? 0
  const folder = path.join(tmpdir(), `chimera-ports-${uid}`)
  await mkdir(folder, { mode: 0o700 }).catch(() => undefined)
  const found = await stat(folder).catch(() => undefined)
  return found?.uid === uid && (found.mode & 0o077) === 0 ? folder : undefined
}
