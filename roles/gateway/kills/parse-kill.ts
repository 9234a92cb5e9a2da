import { KillLevel, KillScope } from '@chimera/contracts/judging/kill'
import { z } from 'zod'

import { parseInput } from '../http/faults.ts'

const Body = z.strictObject({
  scope: KillScope.default('everything'),
  level: KillLevel,
  reason: z.string().min(1).max(400),
})
export type KillBody = z.infer<typeof Body>

/** The body of a raise or of its opposite. Throws INPUT_INVALID. */
export const parseKill = (body: unknown): KillBody =>
  parseInput(Body, body, { what: 'The kill level' })
