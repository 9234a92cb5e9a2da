/** What Recursive Length Prefix knows: bytes, and lists of what it knows (Yellow Paper, app. B). */
export type RlpItem = Uint8Array | readonly RlpItem[]

/** A transaction is two deep; its access list would be four. */
const MAX_DEPTH = 8

/** The one encoding of an item. */
export function encodeRlp(item: RlpItem): Buffer {
  if (item instanceof Uint8Array) {
    const [first] = item
    if (item.length === 1 && first !== undefined && first < 0x80) return Buffer.from(item)
    return Buffer.concat([lengthPrefix(item.length, 0x80), item])
  }
  const body = Buffer.concat(item.map((each) => encodeRlp(each)))
  return Buffer.concat([lengthPrefix(body.length, 0xc0), body])
}

/** An integer as RLP wants it: big-endian without leading zeros, nothing at all for 0. */
export function integerBytes(value: bigint): Buffer {
  if (value < 0n) throw new RangeError('RLP has no negative integers.')
  if (value === 0n) return Buffer.alloc(0)
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

function lengthPrefix(length: number, offset: number): Buffer {
  if (length < 56) return Buffer.of(offset + length)
  const size = integerBytes(BigInt(length))
  return Buffer.concat([Buffer.of(offset + 55 + size.length), size])
}

/** Reads one whole item. Throws RangeError for anything else, other spellings of it included. */
export function decodeRlp(bytes: Buffer): RlpItem {
  const { item, end } = decodeAt(bytes, 0, 0)
  if (end !== bytes.length) throw new RangeError('There are bytes behind the RLP item.')
  if (!encodeRlp(item).equals(bytes)) throw new RangeError('The RLP is not in its one form.')
  return item
}

function decodeAt(bytes: Buffer, at: number, depth: number): { item: RlpItem; end: number } {
  if (depth > MAX_DEPTH) throw new RangeError(`RLP here is not deeper than ${MAX_DEPTH}.`)
  const first = bytes.at(at)
  if (first === undefined || at >= bytes.length) throw new RangeError('The RLP is cut off.')
  if (first < 0x80) return { item: bytes.subarray(at, at + 1), end: at + 1 }
  const isList = first >= 0xc0
  const short = first - (isList ? 0xc0 : 0x80)
  const sizeBytes = short < 56 ? 0 : short - 55
  const start = at + 1 + sizeBytes
  const length = sizeBytes === 0 ? short : lengthAt(bytes, at + 1, sizeBytes)
  const end = start + length
  if (end > bytes.length) throw new RangeError('The RLP is cut off.')
  if (!isList) return { item: bytes.subarray(start, end), end }
  const items: RlpItem[] = []
  for (let next = start; next < end;) {
    const inner = decodeAt(bytes.subarray(0, end), next, depth + 1)
    items.push(inner.item)
    next = inner.end
  }
  return { item: items, end }
}

function lengthAt(bytes: Buffer, at: number, size: number): number {
  // Four bytes name 4 GiB; no transaction has that.
  if (size > 4 || at + size > bytes.length) throw new RangeError('The RLP is cut off.')
  return bytes.readUIntBE(at, size)
}
