import { keccak_256 } from '@noble/hashes/sha3.js'

import { addressBytes, type Address } from '../chain/address.ts'
import { integerWord } from '../chain/erc20.ts'
import { hexOf, quantityOf } from '../chain/hex.ts'
import type { Anvil } from './anvil-process.ts'
import { PRICE_FEED_CODE, TOKEN_CODE } from './contracts/bytecode.ts'
import type { Control } from './faults.ts'
import { SIMULATED_FEED, SIMULATED_TOKEN } from './known-contracts.ts'

/** What a new wallet gets: 1,000 ETH and a million of the token. */
const ETHER = 1_000n * 10n ** 18n
const TOKENS = 1_000_000n * 10n ** 6n
/** 3,000 dollars with the feed's 8 decimals. */
const FIRST_PRICE = 300_000_000_000n
/** Solidity's slots of the feed's two variables. */
const PRICE_SLOT = 0n
const UPDATED_SLOT = 1n

/** Puts token and price feed where they always are. */
export async function furnish(anvil: Anvil): Promise<void> {
  await anvil.ask('anvil_setCode', SIMULATED_TOKEN, `0x${TOKEN_CODE}`)
  await anvil.ask('anvil_setCode', SIMULATED_FEED, `0x${PRICE_FEED_CODE}`)
  await setSlot(anvil, PRICE_SLOT, FIRST_PRICE)
  // Calls before the first block would run in the year 1970.
  await anvil.ask('anvil_mine', '0x1')
}

/** Gives an address its money, out of nothing. */
export async function fund(anvil: Anvil, address: Address): Promise<void> {
  await anvil.ask('anvil_setBalance', address, quantityOf(ETHER))
  // Solidity's slot of `balanceOf[address]`, a mapping at slot 0.
  const key = Buffer.concat([Buffer.alloc(12), addressBytes(address), integerWord(0n)])
  const slot = hexOf(keccak_256(key))
  await anvil.ask('anvil_setStorageAt', SIMULATED_TOKEN, slot, hexOf(integerWord(TOKENS)))
}

/** Does what a control asks of the chain itself. */
export async function obey(anvil: Anvil, control: Control): Promise<void> {
  const { automine, mine, base_fee_wei: baseFee, drop_waiting: isDrop, price } = control
  if (automine !== undefined) await anvil.ask('evm_setAutomine', automine)
  if (isDrop === true) await anvil.ask('anvil_dropAllTransactions')
  if (baseFee !== undefined) {
    await anvil.ask('anvil_setNextBlockBaseFeePerGas', quantityOf(BigInt(baseFee)))
  }
  if (mine !== undefined) await anvil.ask('anvil_mine', quantityOf(mine))
  if (price !== undefined) await setPrice(anvil, BigInt(price.usd_e8), price.at_s)
}

/** What the feed says from now on, and as of when. */
async function setPrice(anvil: Anvil, usdE8: bigint, atS: number | undefined): Promise<void> {
  await setSlot(anvil, PRICE_SLOT, BigInt.asUintN(256, usdE8))
  if (atS !== undefined) await setSlot(anvil, UPDATED_SLOT, BigInt(atS))
}

/** A feed that nobody has told a time is fresh whenever it is asked, however long no block came. */
export async function refreshPrice(anvil: Anvil): Promise<void> {
  await setSlot(anvil, UPDATED_SLOT, BigInt(Math.floor(Date.now() / 1_000)))
}

async function setSlot(anvil: Anvil, slot: bigint, value: bigint): Promise<void> {
  const [at, word] = [hexOf(integerWord(slot)), hexOf(integerWord(value))]
  await anvil.ask('anvil_setStorageAt', SIMULATED_FEED, at, word)
}

/**
 * Brings a new chain to where an earlier life was: everything that was taken waits together and is
 * then mined, so that of two with one nonce the dearer wins, as it did.
 */
export async function replay(anvil: Anvil, raws: readonly string[]): Promise<void> {
  if (raws.length === 0) return
  await anvil.ask('evm_setAutomine', false)
  for (const raw of raws) {
    // What an earlier life had mined may be refused now only when a dearer one took its place.
    await anvil.ask('eth_sendRawTransaction', raw).catch(() => undefined)
  }
  await anvil.ask('anvil_setNextBlockBaseFeePerGas', '0x0')
  await anvil.ask('anvil_mine', '0x1')
  await anvil.ask('evm_setAutomine', true)
}
