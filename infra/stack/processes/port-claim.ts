import { mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { tryLock } from './file-lock.ts'
import { findFreePort } from './free-port.ts'

/** A port that no other stack of this user takes while the claim is held. */
export type PortClaim = Readonly<{ port: number }> & Disposable

/**
 * Claims the first of the wanted ports that is free, else any free one. Two stacks that start in
 * the same second would both find 7700 free, because a gateway listens only a second later; the
 * claim is a lock that both can see.
 */
export async function claimPort(wanted: readonly (number | undefined)[]): Promise<PortClaim> {
  const folder = await claimFolder()
  for (const port of wanted) {
    if (port === undefined) continue
    const lock = folder === undefined ? undefined : tryLock(path.join(folder, `${port}.lock`))
    if (folder !== undefined && lock === undefined) continue
    if ((await findFreePort([port])) === port)
      return { port, [Symbol.dispose]: () => lock?.[Symbol.dispose]() }
    lock?.[Symbol.dispose]()
  }
  return { port: await findFreePort(), [Symbol.dispose]: () => undefined }
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
