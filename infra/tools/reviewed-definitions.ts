import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import { z } from 'zod'

/** Tool -> hash of the definition that people have read. */
export type ReviewedDefinitions = ReadonlyMap<string, string>

const FOLDER = join(import.meta.dirname, '..', '..', 'contracts', 'schemas', 'tools')

const Definitions = z.array(z.looseObject({ name: z.string() }))

/**
 * The definitions that this release was reviewed with; `tests/pins` keeps them equal to what the
 * servers of the same release show. A server that shows another one under the same name has been
 * changed by somebody else, whatever the record has pinned of it since. Throws when they are not
 * there.
 */
export function loadReviewedDefinitions(): ReviewedDefinitions {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))
  const definitions = files.flatMap((file) =>
    Definitions.parse(JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))),
  )
  return new Map(definitions.map((definition) => [definition.name, canonicalHash(definition)]))
}
