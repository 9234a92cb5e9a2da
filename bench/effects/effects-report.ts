import { renderTable } from '@chimera/cli/terminal-table'

import { median, shown } from '../report/figures.ts'
import type { Entry } from './run-effects.ts'

/** One row a contestant: how often the world changed for each intent that was killed once. */
export function renderEffects(entries: readonly Entry[]): string[] {
  const rows = entries.map((entry) => {
    const measured = entry.outcomes.filter(isValid)
    const effects = measured.reduce((sum, one) => sum + one.effects, 0)
    const recovered = measured.flatMap(({ recovered_ms }) => recovered_ms ?? [])
    return [
      entry.name,
      entry.version,
      measured.length,
      effects,
      shown(effects / measured.length),
      measured.filter((one) => one.effects > 1).length,
      measured.filter((one) => one.effects === 0).length,
      shown(median(recovered) / 1000, 's'),
      entry.recoversByItself ? 'yes' : 'no',
    ]
  })
  const head = [
    'contestant',
    'version',
    'intents',
    'effects',
    'per intent',
    'done twice',
    'lost',
    'kill -> done p50',
    'by itself',
  ]
  const faults = entries.flatMap(({ name, absent, outcomes }) => [
    ...(absent === undefined ? [] : [`ABSENT ${name}: ${absent}`]),
    ...outcomes
      .filter((one) => !isValid(one) || one.fault !== undefined)
      .map((one) => `FAULT ${one.intent}: ${one.kills} kills, ${one.fault ?? 'not measured'}`),
  ])
  return [
    'The same send, killed between the effect and its record, once per intent.',
    '',
    ...renderTable(head, rows),
    ...(faults.length === 0 ? [] : ['', ...faults]),
    '',
    ...entries.map(({ name, recovery }) => `${name}: ${recovery}`),
  ]
}

/** Killed exactly once, and the provider's record was read. */
const isValid = (one: { kills: number; effects: number }): boolean =>
  one.kills === 1 && Number.isFinite(one.effects)
