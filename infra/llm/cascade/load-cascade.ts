import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'

import { sha256 } from '@chimera/contracts/canonical'
import type { Config } from '@chimera/contracts/config'
import type { Fault } from '@chimera/contracts/errors'
import { Cascade } from '@chimera/contracts/models/cascade'
import { parseUnits } from '@chimera/contracts/money'
import { ConfigError } from '@chimera/runtime/config'
import { parse } from 'yaml'

import { priceOf } from './price.ts'
import type { OpenCascade, Tier } from './tier.ts'

/** What of the environment says which models there are. */
export type LlmConfig = Partial<Config<'llm'>> & Pick<Config<'llm'>, 'LLM_TIMEOUT_MS'>

/** A document of eight tiers has a few kilobytes. */
const MAX_DOCUMENT = 65_536
/** Enough to tell two keys apart, and too little to guess one by. */
const KEY_HASH = 12

/**
 * The cascade of this environment: of LLM_CASCADE_FILE, or of the one server that LLM_BASE_URL
 * names; undefined when there is neither, and then everything goes by rule. Throws ConfigError with
 * every fault of it, never with a value of a key.
 */
export function loadCascade(config: LlmConfig): OpenCascade | undefined {
  const { LLM_CASCADE_FILE: file, LLM_BASE_URL: baseUrl } = config
  if (file === undefined) return baseUrl === undefined ? undefined : oneTier(config, baseUrl)
  if (baseUrl !== undefined) throw faultOf('is set, and LLM_BASE_URL too: name one of them')
  const document = Cascade.safeParse(readDocument(file))
  if (!document.success) {
    throw new ConfigError(
      document.error.issues.map(({ path, message }) => ({
        pointer: `LLM_CASCADE_FILE /${path.join('/')}`,
        detail: message,
      })),
    )
  }
  const { tiers, privacy, max_usd_per_request: most } = document.data
  const keys = tiers.map((tier, at) => keyOf(tier, at, config))
  const faults = keys.flatMap((key) => ('fault' in key ? [key.fault] : []))
  if (faults.length > 0) throw new ConfigError(faults)
  return {
    privacy,
    maxUsdMicros: most === undefined ? undefined : parseUnits(most, 6),
    tiers: tiers.map((tier, at) => {
      const key = keys[at]
      return tierOf({
        ...tier,
        baseUrl: tier.base_url,
        key: key !== undefined && 'value' in key ? key.value : undefined,
        contextTokens: tier.context_tokens,
        price: priceOf(tier.usd_per_million),
        timeoutMs: tier.timeout_ms,
        strength: tier.strength ?? at,
      })
    }),
  }
}

/** What LLM_BASE_URL has always meant: one server, anywhere, of whatever size. */
function oneTier(config: LlmConfig, baseUrl: string): OpenCascade {
  const { LLM_MODEL: model } = config
  if (model === undefined) {
    throw new ConfigError([{ pointer: 'LLM_MODEL', detail: 'is not set, but LLM_BASE_URL is' }])
  }
  const { LLM_INPUT_USD_PER_MILLION: input = '0', LLM_OUTPUT_USD_PER_MILLION: output = '0' } =
    config
  const tier = tierOf({
    name: 'llm',
    provider: 'openai-compatible',
    baseUrl,
    model,
    key: config.LLM_API_KEY,
    capabilities: ['json', 'tools'],
    contextTokens: undefined,
    privacy: 'any',
    price: priceOf({ input, output }),
    timeoutMs: config.LLM_TIMEOUT_MS,
    strength: 0,
  })
  return { tiers: [tier], privacy: 'any', maxUsdMicros: undefined }
}

/** Where a provider is asked when nobody names another address. */
const HOSTS = {
  openai: 'api.openai.com',
  anthropic: 'api.anthropic.com',
  'openai-compatible': 'model',
} as const

function tierOf(of: Omit<Tier, 'label' | 'circuit'>): Tier {
  const { name, provider, baseUrl, model, key, price, timeoutMs, strength } = of
  const host = (baseUrl === undefined ? undefined : URL.parse(baseUrl)?.host) ?? HOSTS[provider]
  const hash = key === undefined ? 'none' : sha256(key).slice(0, KEY_HASH)
  return {
    name,
    provider,
    baseUrl,
    model,
    key,
    price,
    timeoutMs,
    strength,
    label: `${host}/${model}`,
    circuit: `${provider} ${host} ${model} ${hash}`,
    capabilities: of.capabilities,
    contextTokens: of.contextTokens,
    privacy: of.privacy,
  }
}

function readDocument(file: string): unknown {
  if (!isAbsolute(file)) throw faultOf('has to be an absolute path')
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw faultOf(`names a file that cannot be read (${reasonOf(cause)})`)
  }
  if (text.length > MAX_DOCUMENT) throw faultOf(`is longer than ${MAX_DOCUMENT} characters`)
  try {
    // No aliases: a document that grows when it is read is not one of a person's.
    return parse(text, { maxAliasCount: 0 })
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : ''
    throw faultOf(`is neither YAML nor JSON: ${why.slice(0, 200)}`)
  }
}

type Key = { value: string | undefined } | { fault: Fault }

function keyOf(tier: Cascade['tiers'][number], at: number, config: LlmConfig): Key {
  const pointer = `LLM_CASCADE_FILE /tiers/${at}/key`
  if (tier.key === undefined) {
    if (tier.provider === 'openai-compatible') return { value: undefined }
    return { fault: { pointer, detail: `${tier.provider} asks for a key` } }
  }
  if ('env' in tier.key) {
    const value = config[tier.key.env]
    if (value !== undefined) return { value }
    return { fault: { pointer, detail: `${tier.key.env} (or ${tier.key.env}_FILE) is not set` } }
  }
  if (!isAbsolute(tier.key.file))
    return { fault: { pointer, detail: 'has to be an absolute path' } }
  try {
    const value = readFileSync(tier.key.file, 'utf8').trim()
    if (value !== '') return { value }
    return { fault: { pointer, detail: 'names a file that is empty' } }
  } catch (cause) {
    return { fault: { pointer, detail: `names a file that cannot be read (${reasonOf(cause)})` } }
  }
}

const reasonOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'

const faultOf = (detail: string): ConfigError =>
  new ConfigError([{ pointer: 'LLM_CASCADE_FILE', detail }])
