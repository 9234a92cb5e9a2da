import { TerminalError, type Fault } from '@chimera/contracts/errors'
import type { z } from 'zod'

type Issue = z.core.$ZodIssue

/** Parses what a client sent. Throws INPUT_INVALID with a fault per field, by JSON pointer. */
export function parseInput<T>(
  schema: z.ZodType<T>,
  input: unknown,
  of: { what: string; under?: string; hints?: Readonly<Record<string, string>> },
): T {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, of))
  const [first] = faults
  throw new TerminalError(
    'INPUT_INVALID',
    `${of.what} is not valid: ${first?.pointer ?? ''} ${first?.detail ?? ''}.`,
    { faults },
  )
}

function faultsOf(
  issue: Issue,
  of: { under?: string; hints?: Readonly<Record<string, string>> },
): Fault[] {
  const under = of.under ?? ''
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: under + pointerOf([...issue.path, key]),
      detail: of.hints?.[key] ?? 'is not a field that is known here',
    }))
  }
  if (issue.code === 'invalid_union') {
    // The branch of the right type says what is wrong; when no type is right, the union does.
    const branch = issue.errors.find((issues) => !issues.some(isWrongType))
    if (branch !== undefined) {
      return branch.flatMap((inner) =>
        faultsOf({ ...inner, path: [...issue.path, ...inner.path] }, of),
      )
    }
  }
  return [{ pointer: under + pointerOf(issue.path), detail: detailOf(issue) }]
}

const isWrongType = (issue: Issue): boolean =>
  issue.code === 'invalid_type' && issue.path.length === 0

function detailOf(issue: Issue): string {
  if (issue.code === 'invalid_union') return 'is none of the types that are accepted here'
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing'
  return issue.message
}

/** RFC 6901. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}
