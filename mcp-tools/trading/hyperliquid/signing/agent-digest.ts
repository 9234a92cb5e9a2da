import { keccak_256 } from '@noble/hashes/sha3.js'

/**
 * Whom a signature is for. The letter is signed, so that an order for the test network or for a
 * paper account can never be replayed on the real one.
 */
export type Chain = 'mainnet' | 'testnet'

const SOURCE: Readonly<Record<Chain, string>> = { mainnet: 'a', testnet: 'b' }

const keccak = (bytes: Uint8Array): Buffer => Buffer.from(keccak_256(bytes))
const hashText = (text: string): Buffer => keccak(Buffer.from(text, 'utf8'))

const AGENT_TYPE = hashText('Agent(string source,bytes32 connectionId)')
/** Hyperliquid's own: the same name, version, chain 1337 and no contract on both networks. */
const DOMAIN = keccak(
  Buffer.concat([
    hashText('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'),
    hashText('Exchange'),
    hashText('1'),
    Buffer.from((1337).toString(16).padStart(64, '0'), 'hex'),
    Buffer.alloc(32),
  ]),
)

/**
 * What is signed in the end: the EIP-712 digest of a "phantom agent" whose connection is the
 * action's hash.
 */
export function agentDigest(hash: Uint8Array, chain: Chain): Buffer {
  const agent = keccak(Buffer.concat([AGENT_TYPE, hashText(SOURCE[chain]), hash]))
  return keccak(Buffer.concat([Buffer.of(0x19, 0x01), DOMAIN, agent]))
}
