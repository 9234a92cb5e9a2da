import { confidenceOfPlan } from './confidence-of-plan.ts'
import { defineExecutor } from './executor.ts'

/** Proposes to put a payment of nothing in the place of a transfer that no block takes. */
export const walletUnstick = defineExecutor({
  kind: 'wallet.unstick',
  execute({ task, payload }) {
    const { slot, transfer_id: id, origin } = payload
    return {
      confidence: confidenceOfPlan(task.trust, origin),
      artifacts: [],
      evidence: [],
      proposed_effects: [
        { slot, tool: 'unstick_transfer', args: { transfer_id: id }, provenance: origin },
      ],
    }
  },
})
