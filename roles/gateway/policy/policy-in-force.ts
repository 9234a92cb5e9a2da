import { TerminalError } from '@chimera/contracts/errors'
import { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import { type CompiledPolicy, compilePolicy } from '@chimera/domain/policy/compile-policy'
import { lintPolicy, type PolicyFinding } from '@chimera/domain/policy/lint-policy'
import type { Sql } from '@chimera/infra/database/open-database'
import {
  findPolicy,
  type PolicyVersion,
  readPolicyVersion,
} from '@chimera/infra/database/policies/find-policy'
import { DEFAULT_POLICY } from '@chimera/infra/policies/default-policy'
import { readPolicy } from '@chimera/infra/policies/read-policy'

/** A version with its text, as it was written. */
export type ShownPolicy = Readonly<{
  version: number
  source: string
  document: PolicyDocument
  applied: Pick<PolicyVersion, 'hash' | 'note' | 'actor' | 'createdAt'> | undefined
}>

/**
 * The version in force, or the one asked for; 0 is the one that ships. Throws POLICY_NOT_FOUND.
 */
export async function showPolicy(
  sql: Sql,
  of: { tenantId: string; version?: number | undefined },
): Promise<ShownPolicy> {
  const version = of.version ?? (await readPolicyVersion(sql, of.tenantId))
  if (version === 0) {
    const document = readPolicy(DEFAULT_POLICY)
    return { version, source: DEFAULT_POLICY, document, applied: undefined }
  }
  const found = await findPolicy(sql, { tenantId: of.tenantId, version })
  if (found === undefined) {
    throw new TerminalError('POLICY_NOT_FOUND', `There is no version ${version} of the policy.`)
  }
  return {
    version,
    source: found.source,
    document: PolicyDocument.parse(found.document),
    applied: found,
  }
}

/** Reads a document that may be applied, with what is strange about it. Throws POLICY_INVALID. */
export function checkPolicy(source: string): {
  document: PolicyDocument
  findings: readonly PolicyFinding[]
} {
  const document = readPolicy(source)
  const findings = lintPolicy(document)
  const errors = findings.filter(({ level }) => level === 'error')
  if (errors.length === 0) return { document, findings }
  const faults = errors.map(({ rule, message }) => ({
    pointer: rule === null ? '' : `rule ${rule}`,
    detail: message,
  }))
  throw new TerminalError('POLICY_INVALID', `The policy is not valid: ${errors[0]?.message}`, {
    faults,
  })
}

/** Compiles what `checkPolicy` let through. */
export function compiledFrom(document: PolicyDocument, version?: number): CompiledPolicy {
  const compiled = compilePolicy(document, version)
  if (!('faults' in compiled)) return compiled
  const [first] = compiled.faults
  throw new TerminalError('POLICY_INVALID', `The policy is not valid: ${first?.fault ?? ''}.`)
}
