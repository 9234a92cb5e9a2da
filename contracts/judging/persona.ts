import { z } from 'zod'

/** Whose voice a task speaks in when it names none (C10). */
export const DEFAULT_PERSONA_NAME = 'SOUL.md'

/** The name of a persona, never a path: it is looked up in the record, and opens no file. */
export const PersonaName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*\.md$/, 'is no name of a persona such as SOUL.md')

/** Bytes of a persona file that are read. */
export const MAX_PERSONA_BYTES = 65_536

const oneLine = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    // oxlint-disable-next-line no-control-regex -- they are what is refused
    .regex(/^[^\u0000-\u001F\u007F]*$/, 'holds control characters')

const list = (most: number) => z.array(oneLine(500)).max(most).default([])

/** A word for a topic: one that the house knows (`politics`), or a phrase that is looked for. */
const topics = z.array(oneLine(64)).max(64).default([])

/** The front matter of a persona file. */
export const PersonaFront = z.strictObject({
  name: oneLine(100),
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'is no id of small letters, digits and -'),
  voice_traits: list(32),
  directives: list(64),
  /** Goals about these are refused when they are planned. */
  forbidden_topics: topics,
  /** Texts about these go to a person, beside those that always do. */
  sensitive_topics: topics,
})
export type PersonaFront = z.infer<typeof PersonaFront>

/** A persona: what its file says, in front and below. */
export const Persona = z.strictObject({
  front: PersonaFront,
  body: z.string().max(MAX_PERSONA_BYTES),
})
export type Persona = z.infer<typeof Persona>

/** `POST /v1/personas`: the file as it is, under a name. */
export const NewPersona = z.strictObject({
  name: PersonaName,
  content: z.string().min(1).max(MAX_PERSONA_BYTES),
})

/** A pinned version of a persona as the API shows it. */
export const PersonaView = z.strictObject({
  name: z.string(),
  version: z.int().positive(),
  sha256: z.string(),
  front: PersonaFront,
  body: z.string(),
  pinned_by: z.string(),
  pinned_at: z.string(),
})
export type PersonaView = z.infer<typeof PersonaView>
