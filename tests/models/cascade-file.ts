import { writeFileSync } from 'node:fs'

import type { Cascade } from '@chimera/contracts/models/cascade'
import type { z } from 'zod'

type Written = z.input<typeof Cascade>
type Tier = Written['tiers'][number]

/** A tier on a test server; the model's name is the tier's, so that the record tells them apart. */
export const tier = (name: string, url: string, over: Partial<Tier> = {}): Tier => ({
  name,
  provider: 'openai-compatible',
  base_url: url,
  model: name,
  context_tokens: 131_072,
  privacy: 'local',
  usd_per_million: { input: '0', output: '0' },
  timeout_ms: 2_000,
  ...over,
})

/** Writes a cascade as an operator does; answers what of the environment names it. */
export function writeCascade(path: string, of: Omit<Written, 'v'>) {
  writeFileSync(path, JSON.stringify({ v: 1, ...of }))
  return { LLM_CASCADE_FILE: path, LLM_TIMEOUT_MS: 2_000 }
}
