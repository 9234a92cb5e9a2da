import { parseArgs } from 'node:util'

import { TerminalError } from '@chimera/contracts/errors'
import { UsdText } from '@chimera/contracts/models/cascade'
import { parseUnits } from '@chimera/contracts/money'
import { z } from 'zod'

import { RULES } from './open-tier.ts'

/** A slow model of one's own takes half a minute for a goal, and there are forty to ask about. */
const DEFAULT_SECONDS = 1_800
const MAX_SECONDS = 86_400

const whole = (most: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,5}$/, `has to be a whole number from 1 to ${most}`)
    .transform(Number)
    .refine((n) => n <= most, `may be ${most} at most`)

const Options = z.strictObject({
  tier: z.string().min(1).default(RULES),
  json: z.boolean().default(false),
  limit: whole(1_000).optional(),
  seconds: whole(MAX_SECONDS).default(DEFAULT_SECONDS),
  'max-usd': UsdText.optional(),
})

/** What one run is told. */
export type Options = Readonly<{
  tier: string
  json: boolean
  limit: number | undefined
  seconds: number
  maxUsdMicros: bigint | undefined
}>

/** Reads the words behind the command. Throws INPUT_INVALID that names the option. */
export function parseOptions(args: readonly string[]): Options {
  const parsed = Options.safeParse(valuesOf(args))
  if (!parsed.success) {
    const told = parsed.error.issues.map(({ path, message }) => `--${path.join('.')} ${message}`)
    throw new TerminalError('INPUT_INVALID', `${told.join('; ')}.`)
  }
  const { tier, json, limit, seconds, 'max-usd': usd } = parsed.data
  const maxUsdMicros = usd === undefined ? undefined : parseUnits(usd, 6)
  return { tier, json, limit, seconds, maxUsdMicros }
}

function valuesOf(args: readonly string[]): unknown {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        tier: { type: 'string' },
        json: { type: 'boolean' },
        limit: { type: 'string' },
        seconds: { type: 'string' },
        'max-usd': { type: 'string' },
      },
    })
    return { ...values }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TerminalError('INPUT_INVALID', why, { cause })
  }
}
