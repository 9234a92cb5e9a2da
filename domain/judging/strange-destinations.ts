import type { Sources } from './provenance.ts'
import type { Registry } from './registry.ts'
import type { Destination } from './text/canonical-destination.ts'
import { namedDestinations, possibleDestinations } from './text/destinations.ts'

/** Strings of a goal that are looked through, at most: a goal holds fewer. */
const MAX_STRINGS = 256

/**
 * Where a text could lead that neither the owner's words nor the registry name (design.md section
 * 6). What the owner wrote allows only what it says as it is spelled.
 */
export function strangeDestinations(
  text: string,
  sources: Pick<Sources, 'goal' | 'trust'>,
  registry: Pick<Registry, 'allows'>,
): Destination[] {
  const possible = possibleDestinations(text)
  if (possible.length === 0) return []
  const words = sources.trust === 'owner' ? stringsOf(sources.goal) : []
  const named = new Set(
    words.flatMap((one) => namedDestinations(one)).map((one) => `${one.kind} ${one.canonical}`),
  )
  return possible.filter((one) => {
    return !named.has(`${one.kind} ${one.canonical}`) && !registry.allows(one)
  })
}

/** The owner's own strings: keys and the frame of a goal are not words. */
function stringsOf(goal: unknown): string[] {
  const found: string[] = []
  const open: unknown[] = [goal]
  while (open.length > 0 && found.length < MAX_STRINGS) {
    const at = open.pop()
    if (typeof at === 'string') found.push(at)
    else if (typeof at === 'object' && at !== null) {
      open.push(...Object.entries(at).map(([, value]: [string, unknown]) => value))
    }
  }
  return found
}
