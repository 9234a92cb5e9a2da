import { parseArgs } from 'node:util'

import { z } from 'zod'

/** A number on the command line, with what it is when it is not there. */
export const numberOption = (byDefault: number): z.ZodDefault<z.ZodCoercedNumber> =>
  z.coerce.number().int().positive().default(byDefault)

/** Takes `--<name> <value>` for every name of the schema, and refuses all others. */
export function readBenchOptions<S extends z.ZodRawShape>(
  schema: z.ZodObject<S>,
  args: readonly string[],
): z.infer<z.ZodObject<S>> {
  const names = Object.keys(schema.shape)
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  })
  return schema.parse(values)
}
