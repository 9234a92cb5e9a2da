import { CONFIG_SECTIONS, SECRET_NAMES, type ConfigSection } from '@chimera/contracts/config'

/** An environment as Node gives it. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * What every process may know of the machine: where programs are, the language, the certificates.
 */
const MACHINE_NAMES = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'NODE_COMPILE_CACHE',
  'NODE_EXTRA_CA_CERTS',
] as const

/** The supervisor gives each process its own. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  'HEALTH_PORT',
  'HEALTH_HOST',
  'CONSUMER_NAME',
  'CHIMERA_SUPERVISED',
])

/**
 * The whole environment of one process: of the outer one only what its sections name, so that a
 * secret reaches nobody who may not know it. `own` wins over the outer environment, the outer one
 * over `defaults`.
 */
export function environmentFor(options: {
  sections: readonly ConfigSection[]
  outer: Environment
  own: Readonly<Record<string, string>>
  defaults?: Readonly<Record<string, string>>
}): Record<string, string> {
  const names = options.sections
    .flatMap((section) => Object.keys(CONFIG_SECTIONS[section].shape))
    .filter((name) => !OWN_NAMES.has(name))
  const secretFiles = names
    .filter((name) => SECRET_NAMES.includes(name))
    .map((name) => `${name}_FILE`)
  const env: Record<string, string> = { ...options.defaults }
  for (const name of [...MACHINE_NAMES, ...names, ...secretFiles]) {
    const value = options.outer[name]
    if (value !== undefined && value !== '' && !(name in options.own)) env[name] = value
  }
  // A secret given both ways would be a fault: the stack's own way stays.
  for (const name of Object.keys(options.own)) {
    delete env[`${name}_FILE`]
    if (name.endsWith('_FILE')) delete env[name.slice(0, -'_FILE'.length)]
  }
  return { ...env, ...options.own }
}
