import { z } from 'zod'

/** One line of JSON Schema as zod writes it for a variable. */
const Property = z.object({
  description: z.string().optional(),
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  enum: z.array(z.string()).optional(),
})
const Section = z.object({
  properties: z.record(z.string(), Property),
  required: z.array(z.string()).default([]),
})

/**
 * `.env.example` of the schema of the environment: every variable by section, commented out, with
 * its description, its values, its default and whether it may come from a file.
 */
export function renderEnvExample(
  sections: Readonly<Record<string, z.ZodType>>,
  secrets: readonly string[],
): string {
  const seen = new Set<string>()
  const parts = Object.entries(sections).map(([name, schema]) => {
    const { properties, required } = Section.parse(z.toJSONSchema(schema, { io: 'input' }))
    const variables = Object.entries(properties).flatMap(([variable, property]) => {
      const isRepeated = seen.has(variable)
      seen.add(variable)
      const needed = required.includes(variable)
      const notes = notesOf(property, { needed, secret: secrets.includes(variable) })
      return [
        `# ${property.description ?? variable}${notes === '' ? '' : ` (${notes})`}`,
        isRepeated ? `# ${variable}: named above` : `#${variable}=${property.default ?? ''}`,
      ]
    })
    return [`## ${name}`, ...variables, ''].join('\n')
  })
  return [HEAD, ...parts].join('\n')
}

const HEAD = `# Every setting, by the section of contracts/config.ts that holds it.
# A process reads only its own sections, and ./chimera up sets what one machine needs. An empty
# value counts as none. Written by: vitest run --project unit tests/tidy -u
`

function notesOf(
  property: z.infer<typeof Property>,
  { needed, secret }: { needed: boolean; secret: boolean },
): string {
  return [
    ...(needed ? ['no default'] : []),
    ...(property.enum === undefined ? [] : [property.enum.join(' | ')]),
    ...(secret ? ['or as a file: <NAME>_FILE'] : []),
  ].join('; ')
}
