import { DatabaseSync } from 'node:sqlite'

/** A lock that the kernel drops when its holder dies, however it dies. */
export type FileLock = Disposable

/**
 * Takes the lock, or answers nothing when another process holds it. Node has no flock; an open
 * transaction of SQLite is the one lock of the kernel's that it can hold. A file with a pid in it
 * is no rival: after a kill -9 the pid may be another process's.
 */
export function tryLock(file: string): FileLock | undefined {
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && error.message.includes('locked')) return undefined
    throw error
  }
  return { [Symbol.dispose]: () => database.close() }
}
