/** The cascade of models as an operator writes it down (LLM_CASCADE_FILE, YAML or JSON). */
import { z } from 'zod'

/** Where a prompt goes: to a machine of one's own, to one in the EU, or anywhere. */
export const PrivacyClass = z.enum(['local', 'eu', 'any'])
export type PrivacyClass = z.infer<typeof PrivacyClass>

/** What a model can be asked for: an answer by a schema, calls of tools, vectors. */
export const Capability = z.enum(['json', 'tools', 'embeddings'])
export type Capability = z.infer<typeof Capability>

/** Variables that may hold the key of a tier: a document never holds one itself. */
export const KEY_NAMES = ['LLM_API_KEY', 'OPENAI_API_KEY', 'ANTHROPIC_API_KEY'] as const

/** Dollars as decimal text, to a micro: floats never get here. */
export const UsdText = z
  .string()
  .regex(/^[0-9]{1,6}(\.[0-9]{1,6})?$/, 'has to be dollars in quotes such as "2.50"')

/** Longer answers would outlive the leases of those who wait for them. */
export const MAX_TIER_TIMEOUT_MS = 60_000

const Key = z.union([
  z.strictObject({ env: z.enum(KEY_NAMES) }),
  z.strictObject({ file: z.string().min(1).max(4_096) }),
])

const Tier = z.strictObject({
  /** For people, in status and events. */
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'has to be a short name such as local'),
  /** Ollama and everything else that speaks OpenAI's protocol is `openai-compatible`. */
  provider: z.enum(['openai-compatible', 'openai', 'anthropic']),
  base_url: z.url({ protocol: /^https?$/ }).optional(),
  model: z.string().min(1).max(200),
  key: Key.optional(),
  capabilities: z.array(Capability).min(1).default(['json']),
  /** Tokens that prompt and answer may have together. */
  context_tokens: z.int().min(1_024).max(100_000_000),
  /** The class of the place that the prompt goes to. */
  privacy: PrivacyClass,
  /** Dollars for a million tokens; "0" for a model of one's own. */
  usd_per_million: z.strictObject({ input: UsdText, output: UsdText }),
  timeout_ms: z.int().positive().max(MAX_TIER_TIMEOUT_MS).default(30_000),
  /** Whose bad answers it may put right: those of tiers with no more. Its place without it. */
  strength: z.int().min(0).max(100).optional(),
})

/** More tiers than anybody has are a mistake, and each may cost its time-out. */
const MAX_TIERS = 8

/** Tiers are asked in the order in which they stand here; the rule planner follows the last. */
export const Cascade = z
  .strictObject({
    v: z.literal(1),
    /** The widest class that any prompt may go to. */
    privacy: PrivacyClass.default('any'),
    /** The most that one request may cost, at the most that it can take. */
    max_usd_per_request: UsdText.optional(),
    tiers: z.array(Tier).min(1).max(MAX_TIERS),
  })
  .superRefine(({ tiers }, context) => {
    for (const [at, { name, provider, base_url: url }] of tiers.entries()) {
      const path = ['tiers', at]
      if (tiers.findIndex((other) => other.name === name) !== at) {
        context.addIssue({ code: 'custom', path, message: `a tier before is called ${name}, too` })
      }
      if (provider === 'openai-compatible' && url === undefined) {
        context.addIssue({ code: 'custom', path, message: 'needs a base_url' })
      }
    }
  })
export type Cascade = z.infer<typeof Cascade>
