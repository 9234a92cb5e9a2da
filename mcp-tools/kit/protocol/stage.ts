import type { PreparedRequest, Refusal } from '../provider/exchange.ts'
import type { EffectPlan } from './effect-tool.ts'

/** What came of the step before the send. Neither of the other two has sent the effect itself. */
export type Staged =
  | Readonly<{ kind: 'ready'; request: PreparedRequest }>
  /** It could not be done now; another round may. */
  | Readonly<{ kind: 'not_sent'; refusal: Refusal }>
  /** The provider refuses what the effect is made of. */
  | Readonly<{ kind: 'refused'; refusal: Refusal }>

/**
 * A step of an effect after its claim and before its send, such as an upload: nothing to anybody by
 * itself, so that it may be repeated or left half done. It writes to no socket but in the step in
 * which `maySend` allowed it, tells `onSending`, and ends within `deadlineMs`.
 */
export type Stage = (
  of: Readonly<{
    maySend: () => Refusal | undefined
    onSending: () => void
    deadlineMs: number
  }>,
) => Promise<Staged>

/**
 * The request to be sent: as it was prepared, or as the plan's own step makes it. What that throws
 * is told as NOT_SENT, which is sure: the effect itself has not been sent.
 */
export async function stageSend(
  plan: EffectPlan,
  prepared: PreparedRequest,
  of: Parameters<Stage>[0],
): Promise<Staged> {
  if (plan.stage === undefined) return { kind: 'ready', request: prepared }
  try {
    return await plan.stage(of)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const detail = `What comes before the send failed: ${why}`
    return { kind: 'not_sent', refusal: { code: 'TOOL_FAILED', detail } }
  }
}
