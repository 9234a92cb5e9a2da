import { findStateDir } from '@chimera/infra/stack/state-dir'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { checks, type Finding } from './doctor-checks.ts'

/** Runs every check, however many fail; ends with 1 when one did. */
export async function doctor(options: { json?: boolean }, context: CliContext): Promise<void> {
  const machine = { env: context.env, stateDir: findStateDir(context.env) }
  const findings: Finding[] = []
  for (const { name, look } of checks) {
    const found = await look(machine).catch((error: unknown) => ({
      isOk: false,
      detail: error instanceof Error ? error.message : String(error),
      fix: 'see the message',
    }))
    findings.push({ name, ...found })
    if (options.json !== true) context.out(render({ name, ...found }))
  }
  const failed = findings.filter(({ isOk }) => !isOk)
  if (options.json === true)
    context.out(
      JSON.stringify({
        ok: failed.length === 0,
        checks: findings.map(({ name, isOk, detail, fix }) => ({ name, ok: isOk, detail, fix })),
      }),
    )
  if (failed.length > 0) throw new CliExit(EXIT.failed, `${failed.length} checks failed.`)
}

function render({ name, isOk, detail, fix }: Finding): string {
  const line = `${isOk ? 'ok  ' : 'FAIL'}  ${name.padEnd(18)} ${detail}`
  return isOk ? line : `${line}\n      ${' '.repeat(18)} fix: ${fix}`
}
