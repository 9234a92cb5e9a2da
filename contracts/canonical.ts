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
  if (Array.isArray(value)) return normalisedItems(value, depth)
  if (value === null || typeof value !== 'object') return value
  return normalisedFields(value, depth)
}

/** The array itself where nothing in it has to be written otherwise. */
function normalisedItems(items: readonly unknown[], depth: number): readonly unknown[] {
  let copy: unknown[] | undefined
  for (let at = 0; at < items.length; at += 1) {
    const item = normalised(items[at], depth + 1)
    if (item === items[at]) continue
    copy ??= items.slice()
    copy[at] = item
  }
  return copy ?? items
}

/**
 * The object itself where nothing in it has to be written otherwise, as in nearly all that was
 * parsed or written by this house.
 */
function normalisedFields(value: object, depth: number): unknown {
  const kind: unknown = Object.getPrototypeOf(value)
  const fields: [string, unknown][] = Object.entries(value)
  // Built from entries, so that a key called __proto__ is a key like any other.
  let copy = kind === Object.prototype || kind === null ? undefined : new Map<string, unknown>()
  for (const [at, [key, item]] of fields.entries()) {
    const name = text(key)
    const next = item === undefined ? undefined : normalised(item, depth + 1)
    const isKept = item !== undefined && name === key && next === item
    if (copy === undefined && isKept) continue
    copy ??= new Map(fields.slice(0, at))
    if (item === undefined) continue
    if (copy.has(name)) throw new TerminalError('INPUT_INVALID', 'Two keys are one after NFC.')
    copy.set(name, next)
  }
  return copy === undefined ? value : Object.fromEntries(copy)
}

function text(value: string): string {
  if (!value.isWellFormed()) {
    throw new TerminalError('INPUT_INVALID', 'A text holds half of a surrogate pair.')
  }
  return value.normalize('NFC')
}
