import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'

const MAX_BYTES = 10 * 1024 * 1024
const MAX_FILES = 3
/** What a report of a failed start quotes. */
const TAIL_LINES = 20
const MAX_TAIL_LINE = 2000

/** A log file with a size; `name.log`, then `name.log.1`, `name.log.2`, the oldest dropped. */
export type RotatingLog = Readonly<{
  write: (chunk: Buffer) => void
  /** The last lines written by this life of the log. */
  tail: () => readonly string[]
  close: () => void
}>

/**
 * Writes synchronously: one supervisor serves a dozen quiet processes, and a line must be in the
 * file when the process that wrote it is found dead.
 */
export function openRotatingLog(
  file: string,
  limits: { maxBytes: number; maxFiles: number } = { maxBytes: MAX_BYTES, maxFiles: MAX_FILES },
): RotatingLog {
  let descriptor = openSync(file, 'a', 0o600)
  let size = fstatSync(descriptor).size
  const lines: string[] = []
  let partial = ''

  const rotate = (): void => {
    closeSync(descriptor)
    for (let n = limits.maxFiles - 2; n >= 0; n -= 1)
      renameIfThere(n === 0 ? file : `${file}.${n}`, `${file}.${n + 1}`)
    descriptor = openSync(file, 'a', 0o600)
    size = fstatSync(descriptor).size
  }

  return {
    write: (chunk) => {
      if (size > 0 && size + chunk.length > limits.maxBytes) rotate()
      writeSync(descriptor, chunk)
      size += chunk.length
      const parts = (partial + chunk.toString('utf8')).split('\n')
      partial = (parts.pop() ?? '').slice(0, MAX_TAIL_LINE)
      for (const part of parts) lines.push(part.slice(0, MAX_TAIL_LINE))
      lines.splice(0, Math.max(0, lines.length - TAIL_LINES))
    },
    tail: () => (partial === '' ? [...lines] : [...lines, partial]),
    close: () => closeSync(descriptor),
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
