import { TerminalError, type Fault } from '@chimera/contracts/errors'
import { POLICY_LIMITS, PolicyDocument } from '@chimera/contracts/policy/policy-document'
import { LineCounter, parseDocument } from 'yaml'

/** Messages of one document that are told; the rest is told when these are mended. */
const MAX_FAULTS = 50

/**
 * Reads a policy from YAML 1.2 (or JSON, which is YAML). Aliases, merge keys, repeated keys and
 * tags are refused: a rule says what it says where it stands. Throws POLICY_INVALID with every
 * fault, by line or by JSON pointer.
 */
export function readPolicy(source: string): PolicyDocument {
  const parsed = PolicyDocument.safeParse(readYaml(source))
  if (parsed.success) return parsed.data
  throw invalid(
    parsed.error.issues.map(({ path, message }) => ({
      pointer: path.map((part) => `/${String(part)}`).join(''),
      detail: message,
    })),
  )
}

function readYaml(source: string): unknown {
  if (Buffer.byteLength(source) > POLICY_LIMITS.sourceBytes) {
    throw invalid([{ pointer: '', detail: `is longer than ${POLICY_LIMITS.sourceBytes} bytes` }])
  }
  const lines = new LineCounter()
  const document = parseDocument(source, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    merge: false,
    resolveKnownTags: false,
    lineCounter: lines,
    prettyErrors: false,
  })
  const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    pointer: `line ${lines.linePos(pos[0]).line}`,
    detail: message,
  }))
  if (faults.length > 0) throw invalid(faults)
  try {
    return document.toJS({ maxAliasCount: 0 })
  } catch (cause) {
    throw invalid([{ pointer: '', detail: 'uses an alias; write the value out' }], cause)
  }
}

function invalid(faults: readonly Fault[], cause?: unknown): TerminalError {
  const [first] = faults
  return new TerminalError(
    'POLICY_INVALID',
    `The policy is not valid: ${first?.pointer ?? ''} ${first?.detail ?? ''}.`,
    { faults: faults.slice(0, MAX_FAULTS), ...(cause === undefined ? {} : { cause }) },
  )
}
