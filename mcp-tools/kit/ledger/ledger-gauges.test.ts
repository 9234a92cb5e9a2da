import { addGauges } from '@chimera/runtime/gauges'
import { openMetrics } from '@chimera/runtime/metrics'
import { expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'
import { ledgerGauges } from './ledger-gauges.ts'

test('an operator sees what is open, whether the server acts, and how it grows', async () => {
  await using account = await new TestAccount().open()
  const { registry } = openMetrics()
  addGauges(registry, ledgerGauges({ ledger: account.ledger, state: () => account.status.state }))
  account.answers.push({ kind: 'lose' })
  await account.call(account.claims())
  const text = await registry.metrics()
  const figure = (name: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
    )
  expect(figure('chimera_ledger_open_entries{state="unknown"}')).toBe(1)
  expect(figure('chimera_ledger_open_entries{state="needs_human"}')).toBe(0)
  expect(figure('chimera_ledger_archived_entries')).toBe(0)
  expect(figure('chimera_tool_server_state{state="open"}')).toBe(1)
  expect(figure('chimera_tool_server_state{state="closed"}')).toBe(0)
  expect(figure('chimera_ledger_seq')).toBe(account.ledger.seq())
  expect(figure('chimera_ledger_bytes')).toBe(account.ledger.bytes())
  account.server.control.fence({ scope: 'everything', epoch: 1, stopped: true })
  expect(await registry.metrics()).toContain('chimera_tool_server_state{state="fenced"} 1')
})
