import type { CliContext } from './context.ts'

const MAX_NAME = 64

/** Who acts, for the audit: a name that the operator could change, so it proves nothing. */
export function actorOf({ env }: CliContext): string {
  const name = env['USER'] ?? env['LOGNAME'] ?? `uid-${process.getuid?.() ?? 'unknown'}`
  return `cli:${name.replaceAll(/[^\w.@-]/g, '_').slice(0, MAX_NAME)}`
}
