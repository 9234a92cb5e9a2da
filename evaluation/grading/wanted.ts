import { z } from 'zod'

const Words = z.string().min(1).max(2_000)

/** What a value has to be: these very words, or a text that says something. */
export const Wanted = z.union([
  z.string(),
  z.strictObject({
    /** All of these stand in it, in any case. */
    says: z.array(Words).default([]),
    /** At least one of these does. */
    any: z.array(Words).min(1).optional(),
    /** The most characters. */
    atMost: z.int().positive().optional(),
  }),
])
export type Wanted = z.infer<typeof Wanted>

/** Why a value is not what was wanted; undefined when it is. */
export function unlike(value: unknown, wanted: Wanted): string | undefined {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  if (typeof wanted === 'string') {
    return text === wanted ? undefined : `${shown(text)} is not ${shown(wanted)}`
  }
  const { says, any, atMost } = wanted
  const missing = says.find((words) => !holds(text, words))
  if (missing !== undefined) return `${shown(text)} does not say ${shown(missing)}`
  if (any !== undefined && !any.some((words) => holds(text, words))) {
    return `${shown(text)} says none of ${any.map((words) => shown(words)).join(', ')}`
  }
  if (atMost !== undefined && text.length > atMost) {
    return `${shown(text)} has ${text.length} characters; ${atMost} may be`
  }
  return undefined
}

/** Whether a text holds words, in any case. */
export const holds = (text: string, words: string): boolean =>
  text.toLowerCase().includes(words.toLowerCase())

/** Which of the forbidden words stand anywhere in what was made, keys and values. */
export const forbiddenIn = (made: unknown, forbidden: readonly string[]): string[] => {
  const texts = textsOf(made)
  return forbidden.filter((words) => texts.some((text) => holds(text, words)))
}

/** Values of one thing that are looked through, at most. */
const MAX_VALUES = 10_000

function textsOf(made: unknown): string[] {
  const texts: string[] = []
  const open: unknown[] = [made]
  for (let seen = 0; open.length > 0 && seen < MAX_VALUES; seen += 1) {
    const at = open.pop()
    if (typeof at === 'string') texts.push(at)
    else if (typeof at === 'object' && at !== null) {
      for (const [key, value] of Object.entries(at)) {
        texts.push(key)
        open.push(value)
      }
    }
  }
  return texts
}

const MAX_SHOWN = 80
const shown = (text: string): string => JSON.stringify(text.slice(0, MAX_SHOWN))
