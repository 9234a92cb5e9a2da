import { setTimeout as sleep } from 'node:timers/promises'

import { isToolName, TOOLS } from '@chimera/contracts/tools'
import type { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { plain, printableJson } from '../../terminal-text.ts'
import { EffectDetail } from './show-effects.ts'

export type SettleOptions = Readonly<{
  happened?: string
  didNotHappen?: boolean
  reason: string
  yes?: boolean
  json?: boolean
}>

const SETTLED_WITHIN_MS = 15_000
const LOOK_EVERY_MS = 250

/**
 * Says what became of an effect, and waits until its tool server has written it: exit 0 when it
 * stands in the record, 4 when it was refused, 5 when it is still on its way.
 */
export async function settleEffect(
  id: string,
  options: SettleOptions,
  context: CliContext,
): Promise<void> {
  const body = bodyOf(options)
  if (options.yes !== true) {
    const said = body.outcome === 'happened' ? `happened as ${options.happened}` : 'did not happen'
    throw new CliExit(
      EXIT.usage,
      `This writes for good that effect ${id} ${plain(said)}. Add --yes to do it.`,
    )
  }
  const client = await openGatewayClient(context)
  const path = `/v1/effects/${encodeURIComponent(id)}`
  await client.post(`${path}/settle`, body)
  const until = performance.now() + SETTLED_WITHIN_MS
  let told = ''
  for (;;) {
    const effect = EffectDetail.parse(await client.get(path))
    const { settlement } = effect
    const progress = `${settlement?.state ?? 'waiting'}; the effect is ${effect.state}`
    if (progress !== told) context.err(plain(progress))
    told = progress
    if (isSettled(effect) || settlement?.state === 'refused' || performance.now() > until) {
      return end(effect, options, context)
    }
    await sleep(LOOK_EVERY_MS)
  }
}

type Detail = z.infer<typeof EffectDetail>

const isSettled = ({ state }: Detail): boolean => state !== 'UNKNOWN' && state !== 'NEEDS_HUMAN'

function end(effect: Detail, { json }: SettleOptions, context: CliContext): void {
  if (json === true) context.out(printableJson(effect))
  const { settlement, state } = effect
  const asSaid =
    settlement?.outcome === 'happened'
      ? state === 'CONFIRMED' && effect.provider_ref === settlement.provider_ref
      : state === 'NOT_HAPPENED'
  if (asSaid) {
    if (json !== true) context.out(`Effect ${effect.id} is ${state}.`)
    return
  }
  if (settlement?.state === 'refused') throw new CliExit(EXIT.refused, settlement.refused ?? '')
  if (isSettled(effect)) throw new CliExit(EXIT.conflict, `The effect turned out ${state} itself.`)
  const isMoney = !isToolName(effect.tool) || TOOLS[effect.tool].money
  const second = isMoney ? ' Of money a second person, who did not ask for it, says the same.' : ''
  throw new CliExit(
    EXIT.waiting,
    `It is on its way; \`chimera effect show\` says how far.${second}`,
  )
}

function bodyOf({ happened, didNotHappen, reason }: SettleOptions): {
  outcome: 'happened' | 'did_not_happen'
  provider_ref?: string
  reason: string
} {
  if ((happened === undefined) === (didNotHappen !== true)) {
    throw new CliExit(EXIT.usage, 'Say either --happened <reference> or --did-not-happen.')
  }
  return happened === undefined
    ? { outcome: 'did_not_happen', reason }
    : { outcome: 'happened', provider_ref: happened, reason }
}
