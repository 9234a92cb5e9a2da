/** What anyone can observe of the router of models, and how its circuits are moved by hand. */
import { z } from 'zod'

const Time = z.string().nullable()

/** By the share of questions that failed in a day (ADR-020); `disabled`: a person holds it open. */
export const TierHealth = z.enum(['unknown', 'healthy', 'degraded', 'unhealthy', 'disabled'])
export type TierHealth = z.infer<typeof TierHealth>

/** One circuit: a provider, a model and a key, under the name that its tier has. */
export const TierView = z.strictObject({
  name: z.string(),
  provider: z.string(),
  /** Host and model. */
  model: z.string(),
  /** The beginning of the key's SHA-256; `none` without a key. */
  key: z.string(),
  state: z.enum(['closed', 'open', 'half_open']),
  health: TierHealth,
  failures: z.int(),
  /** Of an open circuit; null then: until a person closes it. */
  open_until: Time,
  /** A pause that the provider asked for. */
  cooling_until: Time,
  reason: z.string().nullable(),
  actor: z.string(),
  changed_at: z.string(),
  /** When a process that may ask it last started, or asked it. */
  seen_at: z.string(),
  /** As it is configured where it was last seen. */
  tier: z.record(z.string(), z.unknown()).nullable(),
  /** Of the last 24 hours. */
  total: z.int(),
  ok: z.int(),
  failed: z.int(),
  avg_latency_ms: z.int().nullable(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  usd: z.string(),
  last_error: z.string().nullable(),
  last_error_at: Time,
})
export type TierView = z.infer<typeof TierView>

/** `chimera router status --json`, `GET /v1/router`, and what a circuit is after it was moved. */
export const RouterView = z.strictObject({ tiers: z.array(TierView) })
export type RouterView = z.infer<typeof RouterView>

/** `POST /v1/router/open|close|reset`. Without a tier: all of them. */
export const CircuitMove = z.strictObject({
  tier: z.string().min(1).max(40).optional(),
  reason: z.string().min(1).max(300),
})
export type CircuitMove = z.infer<typeof CircuitMove>

/** `open` holds it open; `close` lets calls through; `reset` forgets its figures, too. */
export const CircuitVerb = z.enum(['open', 'close', 'reset'])
export type CircuitVerb = z.infer<typeof CircuitVerb>

/** `chimera router test --json` */
export const RouterTest = z.strictObject({
  tiers: z.array(
    z.strictObject({
      name: z.string(),
      model: z.string(),
      ok: z.boolean(),
      ms: z.int(),
      usd: z.string(),
      code: z.string().nullable(),
      detail: z.string().nullable(),
    }),
  ),
})
export type RouterTest = z.infer<typeof RouterTest>
