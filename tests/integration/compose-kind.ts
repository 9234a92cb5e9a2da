import { setTimeout as sleep } from 'node:timers/promises'

import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import type { ToolKind } from '@chimera/mcp-kit/open-tool-process'
import { RULES, type Rules } from '@chimera/mcp-kit/protocol/rules'

import { WITHOUT } from './tool-without.ts'

const argument = (name: string): string =>
  process.argv.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''

/**
 * The product's parts, but for the guards that the arguments of this process name
 * (`without=claim,fence`; `tool-without.ts` has them all), and with a pause between the claim and
 * the write (`pause=500`). What the product itself can be told is configuration; this is not.
 */
export function composeKind(kind: ToolKind): ToolKind {
  const names = argument('without').split(',').filter(Boolean)
  const pauseMs = Number(argument('pause'))
  const sendAfterPause: Rules['send'] = async (given) => {
    await sleep(pauseMs)
    return RULES.send(given)
  }
  const held: { ledger?: Ledger } = {}
  const ledger = (): Ledger => {
    if (held.ledger === undefined) throw new Error('The ledger is not open yet.')
    return held.ledger
  }
  const composed: ToolKind & { rules: Rules } = {
    ...kind,
    rules: { ...RULES, send: sendAfterPause },
    tools: (opened) => {
      held.ledger = opened
      return kind.tools(opened)
    },
  }
  for (const name of names) {
    const change = WITHOUT[name]
    if (change === undefined) throw new Error(`There is no guard "${name}" to take out.`)
    Object.assign(composed, change(composed, ledger))
  }
  return composed
}
