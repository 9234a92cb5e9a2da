import { TerminalError, type Fault } from '@chimera/contracts/errors'

/** Deeper bodies come from attackers, not from people. */
const MAX_DEPTH = 32
const MAX_FAULTS = 32

/** Half of a surrogate pair is no character, and what no screen shows is no word of an owner. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/

/**
 * Parses a body that can be read in one way only (I-JSON, RFC 7493). Throws BODY_INVALID for what
 * is no JSON, is nested too deeply, names a key twice or is after `__proto__`; INPUT_INVALID for
 * texts with control characters or halves of surrogate pairs. Each fault by its JSON pointer.
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // The parser's own message quotes the body.
    throw new TerminalError('BODY_INVALID', 'The body is not JSON.', {
      cause,
      faults: [{ pointer: '', detail: 'is not JSON' }],
    })
  }
  const { structure, texts } = scan(text)
  if (structure.length > 0) {
    throw new TerminalError('BODY_INVALID', said('The body is ambiguous', structure), {
      faults: structure,
    })
  }
  if (texts.length > 0) {
    throw new TerminalError('INPUT_INVALID', said('The body holds texts that are refused', texts), {
      faults: texts,
    })
  }
  return value
}

const said = (what: string, [first]: readonly Fault[]): string =>
  `${what}: ${first?.pointer ?? ''} ${first?.detail ?? ''}.`

/** An object or a list that is open at this place of the text. */
type Frame = { readonly keys: Set<string> | undefined; at: string | number; awaitsKey: boolean }

type Faults = { readonly structure: Fault[]; readonly texts: Fault[] }

/** Walks over JSON that is known to be valid. */
function scan(text: string): Faults {
  const faults: Faults = { structure: [], texts: [] }
  const frames: Frame[] = []
  for (let index = 0; index < text.length; index += 1) {
    const top = frames.at(-1)
    switch (text.charAt(index)) {
      case '{':
        frames.push({ keys: new Set(), at: '', awaitsKey: true })
        break
      case '[':
        frames.push({ keys: undefined, at: 0, awaitsKey: false })
        break
      case '}':
      case ']':
        frames.pop()
        break
      case ',':
        if (top?.keys !== undefined) top.awaitsKey = true
        else if (typeof top?.at === 'number') top.at += 1
        break
      case '"': {
        const end = endOfString(text, index)
        readString(JSON.parse(text.slice(index, end + 1)), frames, faults)
        index = end
        break
      }
      default:
    }
    if (frames.length > MAX_DEPTH) {
      const detail = `is nested deeper than ${MAX_DEPTH} levels`
      return { ...faults, structure: [{ pointer: pointerOf(frames.slice(0, 3)), detail }] }
    }
    if (faults.structure.length + faults.texts.length >= MAX_FAULTS) break
  }
  return faults
}

function endOfString(text: string, start: number): number {
  let end = start + 1
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return end
}

function readString(value: unknown, frames: readonly Frame[], faults: Faults): void {
  if (typeof value !== 'string') return
  const top = frames.at(-1)
  if (top?.keys !== undefined && top.awaitsKey) {
    const isRepeated = top.keys.has(value)
    top.keys.add(value)
    top.at = value
    top.awaitsKey = false
    if (isRepeated) fault(faults.structure, frames, 'is there twice')
    if (value === '__proto__') fault(faults.structure, frames, 'is no name that is accepted')
  }
  if (!value.isWellFormed()) fault(faults.texts, frames, 'holds half of a surrogate pair')
  else if (CONTROL.test(value)) fault(faults.texts, frames, 'holds control characters')
}

const fault = (list: Fault[], frames: readonly Frame[], detail: string): void =>
  void list.push({ pointer: pointerOf(frames), detail })

/** RFC 6901. */
function pointerOf(frames: readonly Frame[]): string {
  const parts = frames.map(({ at }) => String(at).replaceAll('~', '~0').replaceAll('/', '~1'))
  return parts.map((part) => `/${part.slice(0, 64).toWellFormed()}`).join('')
}
