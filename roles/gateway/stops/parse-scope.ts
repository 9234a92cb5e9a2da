import { Uuid } from '@chimera/contracts/ids'
import { z } from 'zod'

import { parseInput } from '../http/faults.ts'

const MAX_SCOPE = 200

/** Names of other tenants than the machine's are told apart by the tenant's id and a slash. */
const NAMED =
  /^(everything|(tenant|agent|campaign|goal|tool):([0-9a-f-]{36}\/)?[A-Za-z0-9][A-Za-z0-9._:-]*)$/

/** What may be stopped (design.md section 5): everything, or `<kind>:<id>`. */
const Scope = z
  .string()
  .max(MAX_SCOPE)
  .regex(
    NAMED,
    'is not everything, tenant:<id>, agent:<id>, campaign:<id>, goal:<id> or tool:<account>',
  )
  .refine((scope) => !scope.startsWith('tenant:') || Uuid.safeParse(scope.slice(7)).success, {
    error: 'names no tenant: its id is a UUID',
  })

const Body = z.strictObject({
  scope: Scope.default('everything'),
  reason: z.string().min(1).max(400).optional(),
})
export type StopBody = z.infer<typeof Body>

/** The body of a stop or its end. Throws INPUT_INVALID. */
export const parseStop = (body: unknown): StopBody => parseInput(Body, body, { what: 'The stop' })

/** The account that a scope is about; nothing when it is about more than one. */
export const accountOf = (scope: string): string | undefined =>
  scope.startsWith('tool:') ? scope.slice('tool:'.length) : undefined
