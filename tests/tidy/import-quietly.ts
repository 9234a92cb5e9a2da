/**
 * Imports every module that a line of the first file names, one after the other, and writes to the
 * second which of them did more than define something. Run as a process of its own by
 * side-effects.test.ts: an effect must not reach the other tests.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

/** What a module could change by being imported, as text that is compared before and after. */
function observe(written: readonly string[]): Record<string, string> {
  return {
    'opened a resource': process.getActiveResourcesInfo().toSorted().join(' '),
    'wrote output': written.join(''),
    'listens to the process': process
      .eventNames()
      .map((name) => `${String(name)}:${process.listenerCount(name)}`)
      .join(' '),
    'changed the environment': JSON.stringify(process.env),
    'changed the working directory': process.cwd(),
  }
}

/** Keeps what is written instead of writing it. */
function captureOutput(): string[] {
  const written: string[] = []
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk: string | Uint8Array) => {
      written.push(String(chunk))
      return true
    }
  }
  return written
}

async function importQuietly(modules: readonly string[]): Promise<string[]> {
  const written = captureOutput()
  const effects: string[] = []
  for (const path of modules) {
    const before = observe(written)
    try {
      await import(pathToFileURL(path).href)
    } catch (cause) {
      effects.push(`${path} throws: ${String(cause)}`)
    }
    // What was needed for the import itself is gone by then.
    await nextTurn()
    const after = observe(written)
    for (const [effect, state] of Object.entries(after)) {
      if (before[effect] !== state) effects.push(`${path} ${effect}: ${state}`)
    }
  }
  return effects
}

const [list, report] = process.argv.slice(2)
if (list === undefined || report === undefined) throw new Error('Two paths are needed.')
const modules = readFileSync(list, 'utf8').split('\n')
writeFileSync(report, JSON.stringify(await importQuietly(modules)))
// Fires only when something that was opened keeps this process alive.
setTimeout(() => process.exit(1), 500).unref()
