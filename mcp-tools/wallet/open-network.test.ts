import { loadConfig } from '@chimera/runtime/config'
import { describe, expect, test } from 'vitest'

import { NETWORKS } from './chain/networks.ts'
import { openNetwork } from './open-network.ts'
import { openSigner } from './signing/open-signer.ts'

const KEY = `0x${'5a'.repeat(32)}`
const configOf = (env: Record<string, string>) => loadConfig(['wallet'], env)
const live = { WALLET_NETWORK: 'base', WALLET_RPC_URL: 'https://node.example/v1/of-the-operator' }

describe('the network of a wallet', () => {
  test('is named exactly, or it is none', () => {
    for (const name of ['Base', 'mainnet', 'base-mainnet', 'sepolia', ' base']) {
      expect(() => configOf({ WALLET_NETWORK: name })).toThrow(/WALLET_NETWORK/)
    }
    expect(() => configOf({})).toThrow(/WALLET_NETWORK: is not set/)
    expect(() => openNetwork(configOf({ WALLET_NETWORK: 'off' }), false)).toThrow(/is off/)
  })

  test('is live only with a node of the operator, and never beside a crash point', () => {
    expect(openNetwork(configOf(live), false)).toMatchObject({ network: { isLive: true } })
    expect(() => openNetwork(configOf({ WALLET_NETWORK: 'base' }), false)).toThrow(/WALLET_RPC_URL/)
    expect(() => openNetwork(configOf(live), true)).toThrow(/CHIMERA_CRASH_AT/)
    const other = { ...live, WALLET_RPC_URL: 'file:///etc/passwd' }
    expect(() => openNetwork(configOf(other), false)).toThrow(/WALLET_RPC_URL/)
  })

  test('is simulated on this machine only', () => {
    const at = (url: string) => configOf({ WALLET_NETWORK: 'simulated', SIMULATED_EVM_URL: url })
    const opened = openNetwork(at('http://127.0.0.1:8545'), true)
    expect(opened.network).toMatchObject({ isLive: false, chainId: 31_337 })
    for (const url of ['https://mainnet.base.org', 'http://127.0.0.1.evil.example', 'nonsense']) {
      expect(() => openNetwork(at(url), false)).toThrow(/loopback/)
    }
  })
})

describe('the key of a wallet', () => {
  const signerOf = (env: Record<string, string>) =>
    openSigner(configOf({ ...live, ...env }), NETWORKS.base, live.WALLET_RPC_URL)

  test('comes from one place', async () => {
    expect(await signerOf({ WALLET_PRIVATE_KEY: KEY }).address()).toMatch(/^0x[0-9a-f]{40}$/)
    expect(() => signerOf({})).toThrow(/WALLET_PRIVATE_KEY: or WALLET_SECRET_ID/)
    const both = { WALLET_PRIVATE_KEY: KEY, WALLET_SECRET_ID: 'wallet', AWS_REGION: 'eu-west-1' }
    expect(() => signerOf(both)).toThrow(/not both/)
    expect(() => signerOf({ WALLET_SECRET_ID: 'wallet' })).toThrow(/AWS_REGION/)
  })

  test('that is wrong is refused at the start, without its value', () => {
    const wrong = `${KEY}ab`
    expect(() => signerOf({ WALLET_PRIVATE_KEY: wrong })).toThrow(/WALLET_PRIVATE_KEY/)
    const refusal = ((): string => {
      try {
        signerOf({ WALLET_PRIVATE_KEY: wrong })
        return ''
      } catch (error) {
        return String(error)
      }
    })()
    expect(refusal).not.toContain('5a5a')
  })

  test('may be at Coinbase, with every credential and the address named', async () => {
    const address = `0x${'c0'.repeat(20)}`
    const cdp = {
      WALLET_PROVIDER: 'cdp',
      WALLET_ADDRESS: address,
      CDP_API_KEY_ID: 'id',
      CDP_API_KEY_SECRET: 'secret',
      CDP_WALLET_SECRET: 'wallet',
    }
    expect(await signerOf(cdp).address()).toBe(address)
    for (const name of Object.keys(cdp).slice(1)) {
      expect(() => signerOf({ ...cdp, [name]: '' }), name).toThrow(/WALLET_ADDRESS|CDP_/)
    }
    const simulated = configOf({ WALLET_NETWORK: 'simulated', ...cdp })
    expect(() => openSigner(simulated, NETWORKS.simulated, 'http://127.0.0.1:1')).toThrow(/cdp/)
  })
})
