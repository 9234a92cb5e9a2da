import { sha256 } from '@chimera/contracts/canonical'
import { TerminalError, type Fault } from '@chimera/contracts/errors'
import { MAX_PERSONA_BYTES, type Persona, PersonaFront } from '@chimera/contracts/judging/persona'
import { parseDocument } from 'yaml'

/** A persona as its file says it, with the hash that pins it. */
export type ParsedSoul = { readonly persona: Persona; readonly sha256: string }

/** A front matter between two lines of three hyphens, then the body. */
const FORM = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n([\s\S]*))?$/

/** A directive that would take the honesty away, which stands above all of them. */
const DISHONEST = [
  /\b(?:claim|say|pretend|insist|state|act as if)\b.{0,40}\b(?:human|real person)\b/i,
  /\b(?:claim|say|pretend|insist|state|act as if)\b.{0,40}\bnot an? (?:ai|bot|machine)\b/i,
  /\b(?:deny|hide|never (?:say|admit|reveal|mention|disclose))\b.{0,40}\b(?:ai|bot|machine)\b/i,
]
const isDishonest = (words: string): boolean => DISHONEST.some((pattern) => pattern.test(words))

/**
 * Reads a persona file: YAML 1.2 in front, without anchors, tags or unknown fields, and Markdown
 * below. Throws PERSONA_INVALID with every fault by its JSON pointer.
 */
export function parseSoul(content: string): ParsedSoul {
  if (Buffer.byteLength(content) > MAX_PERSONA_BYTES) {
    throw invalid([{ pointer: '', detail: `is longer than ${MAX_PERSONA_BYTES} bytes` }])
  }
  const [, yaml, body = ''] = FORM.exec(content) ?? []
  if (yaml === undefined) {
    throw invalid([{ pointer: '', detail: 'does not begin with a front matter between --- lines' }])
  }
  const parsed = PersonaFront.safeParse(readYaml(yaml))
  if (!parsed.success) {
    throw invalid(
      parsed.error.issues.map(({ path, message }) => ({
        pointer: path.map((part) => `/${String(part)}`).join(''),
        detail: message,
      })),
    )
  }
  const front = normalised(parsed.data)
  const persona = { front, body: body.replaceAll('\r\n', '\n').normalize('NFC').trim() }
  refuseDishonesty(persona)
  return { persona, sha256: sha256(content) }
}

function readYaml(yaml: string): unknown {
  const document = parseDocument(yaml, { schema: 'core', uniqueKeys: true, strict: true })
  const [fault] = [...document.errors, ...document.warnings]
  if (fault !== undefined) {
    throw invalid([{ pointer: '', detail: `is no YAML: ${fault.message.split('\n', 1)[0] ?? ''}` }])
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 0 })
    return value
  } catch (cause) {
    throw invalid([{ pointer: '', detail: 'holds an anchor or an alias' }], cause)
  }
}

const normalised = (front: PersonaFront): PersonaFront => {
  const all = (items: readonly string[]) => items.map((item) => item.normalize('NFC'))
  return {
    ...front,
    name: front.name.normalize('NFC'),
    voice_traits: all(front.voice_traits),
    directives: all(front.directives),
    forbidden_topics: all(front.forbidden_topics),
    sensitive_topics: all(front.sensitive_topics),
  }
}

/** The Judge refuses such texts anyway; whoever pins the file learns it now. */
function refuseDishonesty({ front, body }: Persona): void {
  const faults: Fault[] = []
  const detail = 'tells the persona to pass for a human; it has to say truthfully that it is an AI'
  for (const [at, directive] of front.directives.entries()) {
    if (isDishonest(directive)) faults.push({ pointer: `/directives/${at}`, detail })
  }
  if (body.split('\n').some(isDishonest)) faults.push({ pointer: '', detail })
  if (faults.length > 0) throw invalid(faults)
}

function invalid(faults: readonly Fault[], cause?: unknown): TerminalError {
  const sentences = faults.map(({ pointer, detail }) => `${pointer || 'the file'} ${detail}`)
  const message = `The persona is not valid: ${sentences.join('; ')}.`
  return new TerminalError('PERSONA_INVALID', message.slice(0, 2_000), { faults, cause })
}
