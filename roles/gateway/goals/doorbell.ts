import type { AuditDraft } from '@chimera/infra/database/append-audit'
import { feedEvents } from '@chimera/infra/streams/feed-events'
import type { Publication, Publisher } from '@chimera/infra/streams/publisher'
import type { Logger } from '@chimera/runtime/log'

/** Rings after a commit, without keeping the client waiting. */
export type Doorbell = AsyncDisposable &
  Readonly<{
    ring: (bells: readonly Publication[], audit: Pick<AuditDraft, 'items'>) => void
  }>

/**
 * Publishes in the background: what is committed is accepted, and while Redis is away an answer
 * must not wait for it. What is lost here the Keeper rings again.
 */
export function openDoorbell(of: { publisher: Publisher; log: Logger }): Doorbell {
  const open = new Set<Promise<void>>()
  return {
    ring: (bells, audit) => {
      const feed = feedEvents(audit.items()).map((event) => ({
        stream: 'chimera:feed' as const,
        tenant: event.tenant,
        payload: event,
      }))
      const batch = [...bells, ...feed]
      if (batch.length === 0) return
      const rung = of.publisher
        .publish(batch)
        .catch((err: unknown) => of.log.warn({ err }, 'a doorbell was not heard; it rings again'))
        .finally(() => open.delete(rung))
      open.add(rung)
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(open)
    },
  }
}

/** What a committed transaction noted, for the bell. */
export const noted = (items: ReturnType<AuditDraft['items']>): Pick<AuditDraft, 'items'> => ({
  items: () => items,
})
