import { readFileSync } from 'node:fs'

import {
  CONFIG_SECTIONS,
  SECRET_NAMES,
  type Config,
  type ConfigSection,
} from '@chimera/contracts/config'
import { TerminalError, type Fault } from '@chimera/contracts/errors'

/** Environment variables as the operating system gives them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Every fault of the configuration at once, by name and never with a value. Exit code 78. */
export class ConfigError extends TerminalError {
  constructor(faults: readonly Fault[]) {
    const lines = faults.map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`)
    super('CONFIG_INVALID', `The configuration is not valid:${lines.join('')}`, { faults })
  }
}

/** Names of the whole schema: a process may know few of them, but none is a typing error. */
const KNOWN_NAMES = new Set([
  ...Object.values(CONFIG_SECTIONS).flatMap((section) => Object.keys(section.shape)),
  ...SECRET_NAMES.map((name) => `${name}_FILE`),
])

/**
 * Parses the sections that a process may know into one typed object. A variable of SECRET_NAMES may
 * come from the file that `<NAME>_FILE` names; the variable itself wins. Empty counts as unset. A
 * `CHIMERA_*` variable that no section knows is a fault, too. Throws ConfigError with all faults.
 */
export function loadConfig<S extends ConfigSection>(
  sections: readonly S[],
  env: Environment,
): Config<S>
export function loadConfig(sections: readonly ConfigSection[], env: Environment): unknown {
  const faults = unknownNames(env)
  const config: Record<string, unknown> = {}
  for (const section of new Set(sections)) {
    const schema = CONFIG_SECTIONS[section]
    const { values, unread } = valuesOf(Object.keys(schema.shape), env)
    const parsed = schema.safeParse(values)
    if (parsed.success) {
      Object.assign(config, parsed.data)
      faults.push(...unread)
      continue
    }
    const issues = parsed.error.issues.map(({ path, message }): Fault => {
      const name = String(path[0])
      return { pointer: name, detail: values[name] === undefined ? 'is not set' : message }
    })
    // A file that could not be read says more than that its variable is not set.
    const isUnread = ({ pointer }: Fault): boolean =>
      unread.some((fault) => fault.pointer === `${pointer}_FILE`)
    faults.push(...unread, ...issues.filter((fault) => !isUnread(fault)))
  }
  if (faults.length > 0) throw new ConfigError(withoutRepeats(faults))
  return config
}

function unknownNames(env: Environment): Fault[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('CHIMERA_') && !KNOWN_NAMES.has(name))
    .map((name) => ({ pointer: name, detail: 'is not a variable that Chimera knows' }))
}

function valuesOf(
  names: readonly string[],
  env: Environment,
): { values: Record<string, string>; unread: Fault[] } {
  const values: Record<string, string> = {}
  const unread: Fault[] = []
  for (const name of names) {
    const value = nonEmpty(env[name])
    if (value !== undefined) {
      values[name] = value
      continue
    }
    const file = SECRET_NAMES.includes(name) ? nonEmpty(env[`${name}_FILE`]) : undefined
    if (file === undefined) continue
    const text = readSecret(file)
    if ('fault' in text) unread.push({ pointer: `${name}_FILE`, detail: text.fault })
    else values[name] = text.secret
  }
  return { values, unread }
}

function readSecret(file: string): { secret: string } | { fault: string } {
  try {
    const secret = readFileSync(file, 'utf8').trim()
    return secret === '' ? { fault: 'names a file that is empty' } : { secret }
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
    return { fault: `names a file that cannot be read (${reason})` }
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value
}

/** One variable may stand in several sections; its fault is told once. */
function withoutRepeats(faults: readonly Fault[]): Fault[] {
  const byText = new Map(faults.map((fault) => [`${fault.pointer} ${fault.detail}`, fault]))
  return [...byText.values()].toSorted((left, right) => left.pointer.localeCompare(right.pointer))
}
