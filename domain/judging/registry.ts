import type { RegistryKind } from '@chimera/contracts/judging/registry'

import { type Destination, hostOf } from './text/canonical-destination.ts'

/** A row of the address book that holds now: what a policy admin wrote, in canonical form. */
export type RegistryEntry = {
  readonly kind: RegistryKind
  readonly name: string
  readonly version: number
  readonly value: unknown
}

/** The rows of one tenant that hold now. */
export type Registry = {
  readonly find: (kind: string, name: string) => RegistryEntry | undefined
  /** Whether a row says that words of the house may lead there. */
  readonly allows: (destination: Destination) => boolean
}

/** Which rows allow which destinations. A row that names a host allows every page of it. */
const KIND_OF = {
  mention: 'handle',
  cashtag: 'cashtag',
  address: 'address',
  email: 'email',
  url: 'url',
  phone: undefined,
} as const satisfies Record<Destination['kind'], RegistryKind | undefined>

export function openRegistry(entries: readonly RegistryEntry[]): Registry {
  const byName = new Map(entries.map((entry) => [keyOf(entry.kind, entry.name), entry]))
  const values = new Set(
    entries.flatMap(({ kind, value }) =>
      typeof value === 'string' ? [`${kind} ${kind === 'address' ? plain(value) : value}`] : [],
    ),
  )
  return {
    find: (kind, name) => byName.get(keyOf(kind, name)),
    allows: ({ kind, canonical }) => {
      if (kind === 'url' && values.has(`domain ${hostOf(canonical)}`)) return true
      const wanted = KIND_OF[kind]
      return wanted !== undefined && values.has(`${wanted} ${canonical}`)
    },
  }
}

const keyOf = (kind: string, name: string): string =>
  `${kind} ${name.normalize('NFC').toLowerCase()}`

const plain = (address: string): string =>
  address.startsWith('0x') ? address.toLowerCase() : address
