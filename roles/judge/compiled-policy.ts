import { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import { type CompiledPolicy, compilePolicy } from '@chimera/domain/policy/compile-policy'
import type { LoadedPolicy } from '@chimera/infra/database/policies/load-policies'
import { DEFAULT_POLICY } from '@chimera/infra/policies/default-policy'
import { readPolicy } from '@chimera/infra/policies/read-policy'

/** Policies that a process holds. They are found by their content, so that none grows old. */
const MAX_COMPILED = 1_000
const compiled = new Map<string, CompiledPolicy>()

/** The policy in force, compiled once; nothing when it cannot be read, and then all is denied. */
export function compiledPolicy(loaded: LoadedPolicy): CompiledPolicy | undefined {
  const { version, hash } = loaded
  const key = `${version} ${hash ?? ''}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const document = documentOf(loaded)
  const made = document === undefined ? undefined : compilePolicy(document, version)
  if (made === undefined || 'faults' in made) return undefined
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(key, made)
  return made
}

function documentOf({ version, document }: LoadedPolicy): PolicyDocument | undefined {
  return version === 0 ? readPolicy(DEFAULT_POLICY) : PolicyDocument.safeParse(document).data
}
