import { z } from 'zod'

import { newId } from './ids.ts'

/**
 * The entry fields beside the payload (design.md section 4). They inform, they never authorise:
 * what is done is read from rows. All optional on input, because anyone may XADD with nothing but
 * a payload.
 */
export const Envelope = z.object({
  id: z.string().max(128).optional(),
  source: z.string().max(64).optional(),
  tenant: z.string().max(64).optional(),
  time: z.string().max(40).optional(),
  traceparent: z.string().max(64).optional(),
  causation: z.string().max(128).optional(),
})
export type Envelope = z.infer<typeof Envelope>

/**
 * The flat field list of an entry for XADD: envelope, then the payload under its own field name;
 * several of them, one after the other, on the feed alone.
 */
export function entryFields(
  meta: { source: string; tenant?: string; time: string; traceparent?: string; causation?: string },
  field: string,
  ...payloads: readonly unknown[]
): string[] {
  const fields = ['id', newId(), 'source', meta.source, 'time', meta.time]
  if (meta.tenant !== undefined) fields.push('tenant', meta.tenant)
  if (meta.traceparent !== undefined) fields.push('traceparent', meta.traceparent)
  if (meta.causation !== undefined) fields.push('causation', meta.causation)
  for (const payload of payloads) fields.push(field, JSON.stringify(payload))
  return fields
}
