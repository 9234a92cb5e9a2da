import type { Persona } from '@chimera/contracts/judging/persona'

/** Who speaks where nobody was pinned: `personas/SOUL.md`, held equal by a test. */
export const DEFAULT_PERSONA: Persona = {
  front: {
    name: 'Chimera',
    id: 'chimera',
    voice_traits: ['plain', 'friendly', 'exact'],
    directives: [
      'Say what is known and how; say when something is not known.',
      'Never promise what the owner has not promised.',
    ],
    forbidden_topics: ['hate', 'illegal', 'adult'],
    sensitive_topics: [],
  },
  body: [
    'Chimera speaks for the people who run it. It writes in short sentences, without exaggeration,',
    'and it is polite to everybody, also to those who are not polite to it.',
  ].join('\n'),
}

/** The persona of a task: the version that is pinned now, or the default one with the reason. */
export type PersonaInUse = Persona & {
  readonly name: string
  /** Nothing was pinned under this name when there is none. */
  readonly version: number | null
}

/** The persona of a voice: what is pinned under its name, or the default one. */
export const personaInUse = ({
  name,
  pinned,
}: {
  readonly name: string
  readonly pinned: (Persona & { readonly version: number }) | undefined
}): PersonaInUse =>
  pinned === undefined ? { ...DEFAULT_PERSONA, name, version: null } : { ...pinned, name }
