import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import type { GrantClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { describe, expect } from 'vitest'

import { control, guarantee, sampleSize } from '../../guarantee.ts'
import { needsAnvil } from './evm-rig.ts'
import { ALICE, USDC } from './wallet-limits.ts'
import { WalletProcess } from './wallet-process.ts'

needsAnvil()

const LABELS = CRASH_POINTS.filter((label) => label.startsWith('tool.'))
/** States after which the record may grant the next round. */
const CLOSED = new Set(['VOID', 'NOT_SENT', 'NOT_HAPPENED', 'REFUSED'])
/** What the node does to the broadcast during which the wallet dies. */
const FAULTS = ['none', 'hang', 'cut', '5xx', '5xx_after'] as const
type Fault = (typeof FAULTS)[number]

const native = { to: ALICE, amount: '1000000000000000' }
const token = { asset: 'USDC', to: ALICE, amount: String(7n * USDC) }
const TOOLS = ['transfer_native', 'transfer_erc20', 'unstick_transfer'] as const
type Tool = (typeof TOOLS)[number]

/** Far longer than a call takes, its send of a second included. */
const DEATH_MS = 60_000
/** Nothing is answered then, so that nobody dies of it. */
const UNANSWERED: ReadonlySet<Fault> = new Set(['hang', 'cut'])

type Case = Readonly<{ label: CrashPoint; tool: Tool; fault: Fault; without?: string }>

/**
 * Kills the wallet at a point of the path, starts it again, and does what the record does: carries
 * the grant again, asks for its end, and grants the next round once this one is closed without
 * effect. Then the chain says how often it was paid.
 */
async function killAt({ label, tool, fault, without }: Case): Promise<void> {
  await using wallet = new WalletProcess()
  await wallet.openChain()
  const composed = without === undefined ? {} : { without }
  const stuck = tool === 'unstick_transfer' ? await leaveStuck(wallet) : undefined
  const args = stuck ?? (tool === 'transfer_native' ? native : token)
  await wallet.start({ ...composed, env: { CHIMERA_CRASH_AT: label } })
  if (fault !== 'none') await wallet.evm.tell({ fault, match: matchOf(tool, wallet) })
  const claims = wallet.claims({ tool, args, slot: `crash:${tool}` })
  const died = deathOf(wallet)
  await wallet.call(claims, args).catch(() => undefined)
  expect(await died, `${label} ${tool} ${fault}`).toMatchObject({ signal: 'SIGKILL' })
  expect(readFileSync(join(wallet.stateDir, 'crash-points.jsonl'), 'utf8')).toContain(label)
  await wallet.start(composed)
  await wallet.evm.tell({ fault: 'none', automine: true, mine: 1 })
  const outcome = await endOf(wallet, claims, args)
  if (CLOSED.has(outcome.state)) {
    const again = wallet.claims({ tool, args, slot: claims.slot, goal: claims.goal })
    const next = { ...again, round: 2, closed_rounds: [1] }
    const { receipt } = await wallet.call(next, args)
    // On a busy machine its block may come after its call has been answered.
    const end = receipt?.state === 'UNKNOWN' ? await wallet.settled(next.jti) : receipt
    if (stuck === undefined) expect(end?.state, `${label} ${tool} ${fault}`).toBe('CONFIRMED')
  } else {
    expect(outcome.state, `${label} ${tool} ${fault}`).toBe('CONFIRMED')
  }
  await expectOnce(wallet, { label, tool })
}

/** A point that is not on the path would be waited for without end. */
async function deathOf({ proc }: WalletProcess): Promise<{ signal: string | null }> {
  const { promise, resolve } = Promise.withResolvers<{ signal: string | null }>()
  const late = setTimeout(() => resolve({ signal: `none within ${DEATH_MS} ms` }), DEATH_MS)
  try {
    return await Promise.race([proc.exited, promise])
  } finally {
    clearTimeout(late)
  }
}

/** A transfer that waits, whose place is to be taken. */
async function leaveStuck(wallet: WalletProcess): Promise<Record<string, unknown>> {
  await wallet.evm.tell({ automine: false })
  await wallet.start({ env: { WALLET_FOLLOW_MS: '50' } })
  const claims = wallet.claims({ tool: 'transfer_native', args: native, slot: 'stuck' })
  await wallet.call(claims, native)
  await wallet.proc.kill()
  return { transfer_id: claims.jti }
}

const matchOf = (tool: Tool, { address }: WalletProcess): string =>
  tool === 'transfer_erc20' ? '"data":"0xa9059cbb' : tool === 'transfer_native' ? ALICE : address

async function endOf(
  wallet: WalletProcess,
  claims: GrantClaims,
  args: Record<string, unknown>,
): Promise<ReceiptClaims> {
  const again = await wallet.call(claims, args)
  const receipt = again.receipt ?? (await wallet.askVoid(claims))
  return receipt.state === 'UNKNOWN' ? wallet.settled(claims.jti) : receipt
}

/** The chain itself is asked, and the record of what was broadcast. */
async function expectOnce(
  wallet: WalletProcess,
  { label, tool }: Pick<Case, 'label' | 'tool'>,
): Promise<void> {
  const what = `paid after a kill at ${label}`
  if (tool === 'transfer_native') expect(await wallet.evm.balanceOf(ALICE), what).toBe(10n ** 15n)
  if (tool === 'transfer_erc20') expect(await wallet.evm.tokensOf(ALICE), what).toBe(7n * USDC)
  // Whichever of the two is mined, one nonce is used; and no nonce was jumped over.
  expect(await wallet.evm.nonceOf(wallet.address), what).toBe(1)
}

/** Every label with every fault and tool in full; in CI those around the send, each tool once. */
const ALL = LABELS.flatMap((label) =>
  TOOLS.flatMap((tool) => FAULTS.map((fault): Case => ({ label, tool, fault }))),
).filter(({ label, fault }) => label !== 'tool.send.answered' || !UNANSWERED.has(fault))
const SAMPLE: readonly Case[] = [
  { label: 'tool.claim.committed', tool: 'transfer_native', fault: 'none' },
  { label: 'tool.send.sent', tool: 'transfer_erc20', fault: 'cut' },
  { label: 'tool.send.answered', tool: 'unstick_transfer', fault: '5xx_after' },
]

describe('a wallet that is killed', () => {
  const n = sampleSize({ ci: SAMPLE.length, full: ALL.length })
  guarantee(
    {
      id: 'wallet-crash-once',
      title: 'a wallet that is killed at any point of the path pays once',
      n,
      seed: 5,
      timeoutMs: n * 60_000,
    },
    async () => {
      for (const each of n === ALL.length ? ALL : SAMPLE) await killAt(each)
    },
  )

  control(
    {
      guard: 'the claim before the act',
      test: 'wallet-crash-once',
      expect: /paid after a kill at tool.send.sent/,
      timeoutMs: 60_000,
    },
    async () =>
      killAt({ label: 'tool.send.sent', tool: 'transfer_erc20', fault: 'none', without: 'claim' }),
  )
})
