import { HelloClaims } from '@chimera/contracts/grant'
import { killLevelOf, type KillEpochs } from '@chimera/contracts/judging/kill'
import type { ToolStatus } from '@chimera/contracts/tool-control'
import type { ToolControl } from '@chimera/infra/tools/tool-control'

import type { ToolDeps } from '../effects/effect-duty.ts'

const ACTOR = 'keeper'

/**
 * Brings a server the kill levels that it missed, because it was away or out of reach when they
 * rose. What is lower than what it has takes a signed word, and so is left to the next hello.
 * Answers how many were carried.
 */
export async function carryKill(
  { log }: Pick<ToolDeps, 'log'>,
  of: { control: Pick<ToolControl, 'setKill'>; status: ToolStatus; kill: KillEpochs },
): Promise<number> {
  const { account } = of.status
  let carried = 0
  for (const [scope, epoch] of Object.entries(of.kill)) {
    const has = of.status.kill[scope] ?? 0
    const level = killLevelOf(epoch)
    if (epoch <= has || level < killLevelOf(has)) continue
    const word = { reason: 'as the record has it', actor: ACTOR, if_newer: true }
    try {
      await of.control.setKill({ scope, level, epoch, ...word })
      carried += 1
      log.info({ account, scope, level, epoch }, 'brought a tool server a kill level')
    } catch (err) {
      // Looked at again at the next visit; the Judge keeps to the record meanwhile.
      log.warn({ err, account, scope, level, epoch }, 'a kill level was not taken')
    }
  }
  return carried
}

/** Whether the server holds a level that the operator has lowered since. */
export const isHeldTooHigh = (status: ToolStatus, kill: KillEpochs): boolean =>
  Object.entries(kill).some(([scope, epoch]) => {
    const has = status.kill[scope] ?? 0
    return epoch > has && killLevelOf(epoch) < killLevelOf(has)
  })

/** Whether a hello says at least what the record says now. Reads it; its server verifies it. */
export function knowsKill(hello: string, kill: KillEpochs): boolean {
  const known = killIn(hello)
  return Object.entries(kill).every(([scope, epoch]) => (known[scope] ?? 0) >= epoch)
}

function killIn(hello: string): KillEpochs {
  const payload = Buffer.from(hello.split('.')[1] ?? '', 'base64url').toString('utf8')
  try {
    const json: unknown = JSON.parse(payload)
    return HelloClaims.safeParse(json).data?.kill ?? {}
  } catch {
    return {}
  }
}
