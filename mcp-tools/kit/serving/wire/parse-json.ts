import { TerminalError } from '@chimera/contracts/errors'

/** Deeper than anything that a tool takes, and shallow enough for every later walk over it. */
const MAX_DEPTH = 64

/** A text of JSON, a bracket, a comma or a colon: all that decides where a key stands. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g

/**
 * JSON as RFC 8259 and I-JSON (RFC 7493) allow it: `JSON.parse` keeps the last of two equal keys
 * and says nothing, and what one reader takes for the amount another takes for a decoy. So it is
 * with `__proto__`, which schemas read over. Throws BODY_INVALID for both, for more than 64 levels,
 * and for what is no JSON.
 */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TerminalError('BODY_INVALID', 'The body is not JSON.', { cause })
  }
  checkKeys(text)
  return value
}

/** Walks over text that is known to be JSON. */
function checkKeys(text: string): void {
  /** For each open bracket the keys of its object; nothing for an array. */
  const open: (Set<string> | undefined)[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    const keys = open.at(-1)
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined)
      if (open.length > MAX_DEPTH) throw refusal(`is nested deeper than ${MAX_DEPTH} levels`)
    } else if (token === '}' || token === ']') {
      open.pop()
    } else if (token === ':' && keys !== undefined) {
      const key = last.includes('\\') ? String(JSON.parse(last)) : last.slice(1, -1)
      if (keys.has(key)) throw refusal('has an object with the same key twice')
      if (key === '__proto__') throw refusal('has a key that some readers see and others do not')
      keys.add(key)
    }
    last = token
  }
}

function refusal(why: string): TerminalError {
  return new TerminalError('BODY_INVALID', `The body ${why}.`)
}
