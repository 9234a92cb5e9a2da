import { CliExit, EXIT } from '../../exit-codes.ts'

/** What a stop, or its end, is about; everything when none is named. */
export type StopScope = Readonly<{
  tenant?: string
  agent?: string
  campaign?: string
  goal?: string
  tool?: string
}>

const KINDS = ['tenant', 'agent', 'campaign', 'goal', 'tool'] as const

/** The scope as the record names it. Throws a usage error for more than one. */
export function scopeOf(options: StopScope): string {
  const named = KINDS.flatMap((kind) => {
    const id = options[kind]
    return id === undefined ? [] : [`${kind}:${id}`]
  })
  if (named.length > 1) {
    throw new CliExit(EXIT.usage, `One scope at a time, please: ${named.join(' or ')}.`)
  }
  return named[0] ?? 'everything'
}
