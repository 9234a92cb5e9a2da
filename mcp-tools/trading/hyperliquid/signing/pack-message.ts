/** What a Hyperliquid action is made of. The order of its keys is part of what is signed. */
export type Packable =
  | string
  | number
  | boolean
  | null
  | readonly Packable[]
  | Readonly<{ [key: string]: Packable }>

/** An action of one order is five deep; anything deeper is a mistake. */
const MAX_DEPTH = 16

/**
 * MessagePack, as far as actions need it and byte for byte as the exchange packs them again: the
 * shortest form of everything, integers beyond 32 bits as uint64. Written here because a library
 * that packs 2^32 as a float makes a valid signature of another account. Throws RangeError for
 * what no action holds: fractions, negative and unsafe numbers, keys that JavaScript reorders.
 */
export function packMessage(value: Packable): Buffer {
  const parts: Buffer[] = []
  pack(value, parts, 0)
  return Buffer.concat(parts)
}

function pack(value: Packable, parts: Buffer[], depth: number): void {
  if (depth > MAX_DEPTH) throw new RangeError(`An action is not deeper than ${MAX_DEPTH}.`)
  if (value === null) parts.push(Buffer.of(0xc0))
  else if (typeof value === 'boolean') parts.push(Buffer.of(value ? 0xc3 : 0xc2))
  else if (typeof value === 'number') parts.push(packInteger(value))
  else if (typeof value === 'string') packText(value, parts)
  else if (isList(value)) {
    parts.push(packHead(value.length, { fix: 0x90, fixMax: 15, head16: 0xdc }))
    for (const item of value) pack(item, parts, depth + 1)
  } else packMap(value, parts, depth)
}

const isList = (value: Packable): value is readonly Packable[] => Array.isArray(value)

function packMap(map: Readonly<Record<string, Packable>>, parts: Buffer[], depth: number): void {
  const entries = Object.entries(map)
  parts.push(packHead(entries.length, { fix: 0x80, fixMax: 15, head16: 0xde }))
  for (const [key, item] of entries) {
    if (/^\d+$/u.test(key)) throw new RangeError(`JavaScript moves the key ${key} to the front.`)
    packText(key, parts)
    pack(item, parts, depth + 1)
  }
}

function packText(text: string, parts: Buffer[]): void {
  const bytes = Buffer.from(text, 'utf8')
  parts.push(
    bytes.length > 31 && bytes.length < 0x100
      ? Buffer.of(0xd9, bytes.length)
      : packHead(bytes.length, { fix: 0xa0, fixMax: 31, head16: 0xda }),
    bytes,
  )
}

function packHead(
  length: number,
  { fix, fixMax, head16 }: { fix: number; fixMax: number; head16: number },
): Buffer {
  if (length <= fixMax) return Buffer.of(fix | length)
  if (length > 0xffff) throw new RangeError(`No part of an action has ${length} elements.`)
  return Buffer.of(head16, length >> 8, length & 0xff)
}

function packInteger(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${value} is no number that an action can hold.`)
  }
  if (value < 0x80) return Buffer.of(value)
  const size = value < 0x100 ? 1 : value < 0x1_0000 ? 2 : value < 0x1_0000_0000 ? 4 : 8
  const packed = Buffer.alloc(size + 1)
  packed[0] = { 1: 0xcc, 2: 0xcd, 4: 0xce, 8: 0xcf }[size]
  if (size === 8) packed.writeBigUInt64BE(BigInt(value), 1)
  else packed.writeUIntBE(value, 1, size)
  return packed
}
