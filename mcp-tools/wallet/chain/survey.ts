import { InvariantError, RetryableError } from '@chimera/contracts/errors'
import { z } from 'zod'

import type { Address } from './address.ts'
import { balanceCall, integerWord, wordAt } from './erc20.ts'
import { HexBytes, hexOf, HexQuantity, quantityOf } from './hex.ts'
import type { JsonRpc, RpcAnswer, RpcCall, RpcFault } from './json-rpc.ts'
import type { Network } from './networks.ts'

/** A price feed's newest word: what a whole unit is worth, in the feed's own decimals. */
export type FeedAnswer = Readonly<{ answer: bigint; updatedAtMs: number }>

/** What has to be known of the chain before a transaction can be made; one moment of one node. */
export type Survey = Readonly<{
  /** Transactions of the account that are in blocks, and with those that wait in the node. */
  nonce: Readonly<{ latest: number; pending: number }>
  /** The newest block that the node knows. */
  height: bigint
  baseFee: bigint
  tip: bigint
  balance: bigint
  tokenBalance: bigint | undefined
  /** What the transaction would use; the node's own word when it would not go through. */
  gas: bigint | RpcFault
  /** What the layer below would cost at most, in wei. */
  l1Fee: bigint
  feeds: ReadonlyMap<Address, FeedAnswer>
}>

/** What is asked about. */
export type SurveyQuestion = Readonly<{
  from: Address
  call: Readonly<{ to: Address; value: bigint; data: Buffer }>
  /** The token that is moved. */
  token?: Address
  feeds: readonly Address[]
}>

/** Holds the layer-one prices of an OP-stack chain (docs.base.org, GasPriceOracle). */
const GAS_PRICE_ORACLE = '0x420000000000000000000000000000000000000f'
/** `getL1FeeUpperBound(uint256)`, of the bytes of an unsigned transaction. */
const L1_FEE_UPPER_BOUND = 'f1c7a58b'
/** A token transfer is 180 bytes signed; nothing that is made here is longer. */
const LONGEST_WORD = integerWord(256n).toString('hex')
/** `latestRoundData()` of a Chainlink feed. */
const LATEST_ROUND = 'feaf968c'

const Block = z.object({ number: HexQuantity, baseFeePerGas: HexQuantity })

/** Everything in one request, so that one and the same node says it of one moment. */
export async function surveyChain(
  { rpc, network }: Readonly<{ rpc: JsonRpc; network: Network }>,
  question: SurveyQuestion,
): Promise<Survey> {
  const { from, call, token, feeds } = question
  const read = (at: string, data: Buffer): RpcCall => ({
    method: 'eth_call',
    params: [{ to: at, data: hexOf(data) }, 'latest'],
  })
  const calls: RpcCall[] = [
    { method: 'eth_chainId', params: [] },
    { method: 'eth_getTransactionCount', params: [from, 'latest'] },
    { method: 'eth_getTransactionCount', params: [from, 'pending'] },
    { method: 'eth_getBlockByNumber', params: ['latest', false] },
    { method: 'eth_maxPriorityFeePerGas', params: [] },
    { method: 'eth_getBalance', params: [from, 'latest'] },
    { method: 'eth_estimateGas', params: [estimateOf(from, call)] },
    network.hasL1Fee
      ? read(GAS_PRICE_ORACLE, Buffer.from(L1_FEE_UPPER_BOUND + LONGEST_WORD, 'hex'))
      : { method: 'eth_chainId', params: [] },
    ...(token === undefined ? [] : [read(token, balanceCall(from))]),
    ...feeds.map(feedCall),
  ]
  const answers = await rpc.batch(calls)
  const [chainId, latest, pending, block, tip, balance, gas, l1Fee, ...rest] = answers
  checkChain(quantity(chainId), network)
  const tokenAnswer = token === undefined ? undefined : rest.shift()
  const newest = parse(Block, block)
  return {
    nonce: { latest: Number(quantity(latest)), pending: Number(quantity(pending)) },
    height: newest.number,
    baseFee: newest.baseFeePerGas,
    tip: quantity(tip),
    balance: quantity(balance),
    tokenBalance: tokenAnswer === undefined ? undefined : word(tokenAnswer, 0),
    gas: gas !== undefined && 'fault' in gas ? gas.fault : quantity(gas),
    l1Fee: network.hasL1Fee ? word(l1Fee, 0) : 0n,
    feeds: readFeeds(feeds, rest),
  }
}

/** Throws InvariantError where the node is of another chain: nothing here may go on then. */
export function checkChain(chainId: bigint, network: Network): void {
  if (chainId === BigInt(network.chainId)) return
  const message = `The node is of chain ${chainId}; ${network.name} is ${network.chainId}.`
  throw new InvariantError(message)
}

function estimateOf(from: Address, { to, value, data }: SurveyQuestion['call']): object {
  return { from, to, value: quantityOf(value), data: hexOf(data) }
}

/** Asks a feed for its newest price. */
export function feedCall(feed: Address): RpcCall {
  return { method: 'eth_call', params: [{ to: feed, data: `0x${LATEST_ROUND}` }, 'latest'] }
}

/** A feed that does not answer is left out, and then there is no price. */
export function readFeeds(
  feeds: readonly Address[],
  answers: readonly RpcAnswer[],
): ReadonlyMap<Address, FeedAnswer> {
  const read = new Map<Address, FeedAnswer>()
  for (const [at, feed] of feeds.entries()) {
    const given = answers[at]
    if (given === undefined || 'fault' in given) continue
    const bytes = HexBytes.safeParse(given.result).data
    const [answer, updatedAt] = bytes === undefined ? [] : [wordAt(bytes, 1), wordAt(bytes, 3)]
    if (answer === undefined || updatedAt === undefined) continue
    // A signed integer: a price below zero is none.
    if (answer === 0n || answer >= 1n << 255n) continue
    read.set(feed, { answer, updatedAtMs: Number(updatedAt) * 1_000 })
  }
  return read
}

export function quantity(answer: RpcAnswer | undefined): bigint {
  return parse(HexQuantity, answer)
}

/** A word of a contract's answer. Throws RetryableError when there is none. */
export function word(answer: RpcAnswer | undefined, n: number): bigint {
  const found = wordAt(parse(HexBytes, answer), n)
  if (found === undefined) throw unread('a contract that has to answer did not')
  return found
}

/** Throws RetryableError when the node gave no such thing. */
export function parse<S extends z.ZodType>(schema: S, answer: RpcAnswer | undefined): z.output<S> {
  if (answer === undefined) throw unread('an answer is missing')
  if ('fault' in answer) throw unread(answer.fault.message)
  const parsed = schema.safeParse(answer.result)
  if (!parsed.success) throw unread('an answer is not what it should be')
  return parsed.data
}

function unread(why: string): RetryableError {
  return new RetryableError('UPSTREAM_UNAVAILABLE', `The node of the chain cannot be read: ${why}.`)
}
