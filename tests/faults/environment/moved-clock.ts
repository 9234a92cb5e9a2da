/** A wall clock for one process, which a test moves while the process runs (libfaketime). */
import { execFileSync } from 'node:child_process'
import { globSync, renameSync, writeFileSync } from 'node:fs'

/** Where package managers put the library; `MT` is the one for processes with threads. */
const PLACES = [
  '/usr/lib/*/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
  '/usr/local/lib/faketime/libfaketimeMT.so.1',
]

/** The library, which is installed when that needs nobody's word; or why there is none. */
export type Faketime =
  | { library: string; fault?: undefined }
  | { library?: undefined; fault: string }

export function findFaketime(): Faketime {
  const found = lookFor()
  if (found !== undefined) return { library: found }
  if (process.platform !== 'linux') {
    return { fault: `no clock can be moved on ${process.platform}: libfaketime is tried on Linux` }
  }
  const why = install()
  const library = lookFor()
  if (library !== undefined) return { library }
  return { fault: `no clock can be moved: libfaketime is not installed; ${why}` }
}

const lookFor = (): string | undefined => PLACES.flatMap((place) => globSync(place))[0]

/** As root, or by a `sudo` that asks for no password. Answers what it said. */
function install(): string {
  const words = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'libfaketime']
  const [command = '', ...args] = process.getuid?.() === 0 ? words : ['sudo', '-n', ...words]
  process.stdout.write('installing libfaketime (once)\n')
  try {
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000 })
    return ''
  } catch (cause) {
    return cause instanceof Error ? cause.message.trim().replaceAll('\n', ' ') : String(cause)
  }
}

/** The clock of a process that was started with `env`. */
export type MovedClock = Readonly<{
  env: Readonly<Record<string, string>>
  /** Off from the true time by so much, from now on. */
  move: (seconds: number) => void
}>

/** @param file - where the clock's offset stands; whoever the process runs as has to read it */
export function openMovedClock(library: string, file: string): MovedClock {
  const move = (seconds: number): void => {
    writeFileSync(`${file}.next`, `${seconds < 0 ? '' : '+'}${seconds}\n`, { mode: 0o644 })
    renameSync(`${file}.next`, file)
  }
  move(0)
  return { env: clockEnvironment(library, file), move }
}

/** What a process has to be started with. */
export const clockEnvironment = (library: string, file: string): Record<string, string> => ({
  LD_PRELOAD: library,
  FAKETIME_TIMESTAMP_FILE: file,
  // Read again at every look at the clock: a jump is a jump.
  FAKETIME_NO_CACHE: '1',
  // Time goes on as ever; only what people call it is wrong.
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
})
