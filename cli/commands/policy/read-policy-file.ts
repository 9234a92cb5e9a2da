import { readFileSync } from 'node:fs'

import { ChimeraError } from '@chimera/contracts/errors'
import type { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import { readPolicy } from '@chimera/infra/policies/read-policy'

import { CliExit, EXIT } from '../../exit-codes.ts'

/** A file's text. Ends the command when it cannot be read. */
export function readTextFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliExit(EXIT.notFound, `${file} cannot be read: ${why}`)
  }
}

/** A policy from a file; every fault is told. Throws POLICY_INVALID. */
export function readPolicyFile(file: string): { source: string; document: PolicyDocument } {
  const source = readTextFile(file)
  try {
    return { source, document: readPolicy(source) }
  } catch (error) {
    if (!(error instanceof ChimeraError) || error.faults.length === 0) throw error
    const lines = error.faults.map(({ pointer, detail }) => `\n  ${pointer || '(file)'} ${detail}`)
    const message = `${file} is no policy:${lines.join('')}`
    throw new ChimeraError(error.code, message, { cause: error, faults: error.faults })
  }
}
