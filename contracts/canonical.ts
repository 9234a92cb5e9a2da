import { hash } from 'node:crypto'

import canonicalize from 'canonicalize'

import { TerminalError } from './errors.ts'

/**
 * RFC 8785 (JCS) text of a JSON value whose strings have been brought to NFC.
 * Throws INPUT_INVALID for what JSON cannot say exactly: undefined at the top, non-finite numbers,
 * lone surrogates, two keys that are one after NFC.
 */
export function canonicalJson(value: unknown): string {
  const json = canonicalize(normalised(value, 0))
  if (json === undefined) {
    throw new TerminalError('INPUT_INVALID', 'There is no JSON value to hash.')
  }
  return json
}

/** SHA-256 of the canonical JSON, lower-case hex. */
export function canonicalHash(value: unknown): string {
  return sha256(canonicalJson(value))
}

/** SHA-256 of bytes or UTF-8 text, lower-case hex. */
export function sha256(bytes: string | Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}

/** Deeper values are refused: they come from attackers, not from people. */
const MAX_DEPTH = 64

function normalised(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) {
    throw new TerminalError('INPUT_INVALID', `The value is nested deeper than ${MAX_DEPTH} levels.`)
  }
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TerminalError('INPUT_INVALID', 'A number is not finite.')
  }
  if (Array.isArray(value)) return value.map((item: unknown) => normalised(item, depth + 1))
  if (value === null || typeof value !== 'object') return value
  // Built from entries, so that a key called __proto__ is a key like any other.
  const entries = new Map<string, unknown>()
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    const name = text(key)
    if (entries.has(name)) throw new TerminalError('INPUT_INVALID', 'Two keys are one after NFC.')
    entries.set(name, normalised(item, depth + 1))
  }
  return Object.fromEntries(entries)
}

function text(value: string): string {
  if (!value.isWellFormed()) {
    throw new TerminalError('INPUT_INVALID', 'A text holds half of a surrogate pair.')
  }
  return value.normalize('NFC')
}
