import { confidenceOfPlan } from './confidence-of-plan.ts'
import { defineExecutor } from './executor.ts'

/** Assets that a chain moves by itself; every other one is a token contract's. */
const NATIVE = new Set(['ETH'])

/**
 * Proposes a payment in the owner's own figures. Base units and address are resolved by the
 * wallet's registry when there is one; until then the Judge finds no account for the tool and
 * denies it.
 */
export const walletTransfer = defineExecutor({
  kind: 'wallet.transfer',
  execute({ task, payload }) {
    const { slot, amount, asset, to, origin } = payload
    return {
      confidence: confidenceOfPlan(task.trust, origin),
      artifacts: [],
      evidence: [],
      proposed_effects: [
        {
          slot,
          tool: NATIVE.has(asset) ? 'transfer_native' : 'transfer_erc20',
          args: { amount, asset, to },
          provenance: origin,
        },
      ],
    }
  },
})
