import type { Address } from './address.ts'
import { addressBytes } from './address.ts'

/** The calls of ERC-20 that are made or understood here, by the first four bytes of their data. */
const SELECTOR = {
  transfer: 'a9059cbb',
  approve: '095ea7b3',
  increaseAllowance: '39509351',
  balanceOf: '70a08231',
} as const

const WORD_BYTES = 32

/** Data of `transfer(address,uint256)`. */
export function transferCall(to: Address, amount: bigint): Buffer {
  return call(SELECTOR.transfer, addressWord(to), integerWord(amount))
}

/** Data of `balanceOf(address)`. */
export function balanceCall(of: Address): Buffer {
  return call(SELECTOR.balanceOf, addressWord(of))
}

/** What a call takes, or lets another take, from whoever signs it. */
export type TokenCall = Readonly<{
  kind: 'transfer' | 'approve'
  to: Address
  amount: bigint
}>

/** Reads what is in the bytes. Undefined for every other call: what it takes is not known. */
export function parseTokenCall(data: Buffer): TokenCall | undefined {
  const selector = data.subarray(0, 4).toString('hex')
  const kind =
    selector === SELECTOR.transfer
      ? 'transfer'
      : selector === SELECTOR.approve || selector === SELECTOR.increaseAllowance
        ? 'approve'
        : undefined
  if (kind === undefined || data.length !== 4 + 2 * WORD_BYTES) return undefined
  const [address, amount] = [data.subarray(4, 4 + WORD_BYTES), data.subarray(4 + WORD_BYTES)]
  // Dirty upper bytes are no address that this could be held to.
  if (address.subarray(0, 12).some((byte) => byte !== 0)) return undefined
  return {
    kind,
    to: `0x${address.subarray(12).toString('hex')}`,
    amount: BigInt(`0x${amount.toString('hex')}`),
  }
}

/** The n-th word of an answer as an integer; undefined when the answer is shorter. */
export function wordAt(bytes: Buffer, n: number): bigint | undefined {
  const word = bytes.subarray(n * WORD_BYTES, (n + 1) * WORD_BYTES)
  return word.length === WORD_BYTES ? BigInt(`0x${word.toString('hex')}`) : undefined
}

function call(selector: string, ...words: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(selector, 'hex'), ...words])
}

function addressWord(address: Address): Buffer {
  return Buffer.concat([Buffer.alloc(12), addressBytes(address)])
}

/** Throws RangeError beyond 256 bits. */
export function integerWord(value: bigint): Buffer {
  if (value < 0n || value >= 1n << 256n) throw new RangeError('It does not fit 256 bits.')
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
}
