import type { DutyLocks } from '@chimera/infra/database/sweeps/open-duty-locks'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import type { Metrics } from '@chimera/runtime/metrics'

import { adoptionDuty } from './adoptions/adoption-duty.ts'
import { approvalDuty } from './approvals/approval-duty.ts'
import { doorbellDuty } from './doorbells/doorbell-duty.ts'
import type { KeeperDeps } from './duties/keeper-deps.ts'
import { openLanes } from './duties/lanes.ts'
import { openSweep } from './duties/open-sweep.ts'
import { runDuties, type Duty } from './duties/run-duties.ts'
import { effectDuty, type ToolDeps } from './effects/effect-duty.ts'
import { helloDuty } from './hello/hello-duty.ts'
import { leaseDuty } from './leases/lease-duty.ts'
import { memoryDuty } from './memories/memory-duty.ts'
import { settlementDuty } from './settlements/settlement-duty.ts'
import { spendDuty } from './spends/spend-duty.ts'
import { trimDuty } from './trim/trim-duty.ts'

/** Everything driven by time, running until it is disposed of. */
export type Keeper = AsyncDisposable & {
  /** Which duties are led here. */
  leads(): string[]
  /** Throws what the last look at the record failed with. */
  check(): void
}

export const DUTIES = [
  'leases',
  'doorbells',
  'effects',
  'settlements',
  'hello',
  'adoptions',
  'approvals',
  'spends',
  'memories',
  'trim',
] as const

type DutyDeps = ToolDeps & Pick<KeeperOptions, 'memory'>

type KeeperOptions = Omit<KeeperDeps, 'sweep'> & {
  readonly openControl: ToolDeps['openControl']
  readonly openLocks: (duties: readonly string[]) => DutyLocks
  /** Where memories go; without one they stay in the record. */
  readonly memory: Pick<MemoryStore, 'remember'>
  readonly sweepMs: number
  readonly tasks: Metrics['tasks']
  /** For negative controls: other compositions of the duties. */
  readonly compose?: (deps: DutyDeps & { isLeading: () => boolean }) => Duty[]
}

/** Starts all duties; each acts only while its lock is held here, and stands by otherwise. */
export function openKeeper(of: KeeperOptions): Keeper {
  const stack = new AsyncDisposableStack()
  const locks = stack.use(of.openLocks(DUTIES))
  const leads = () => DUTIES.filter((duty) => locks.holds(duty))
  const sweep = stack.use(
    openSweep({
      database: of.database,
      sweepMs: of.sweepMs,
      isNeeded: () => leads().length > 0,
      log: of.log,
    }),
  )
  const lanes = stack.use(openLanes({ log: of.log }))
  const deps = { ...of, sweep, lanes, isLeading: () => locks.holds('hello') }
  const stopping = new AbortController()
  const running = runDuties({
    duties: (of.compose ?? composeDuties)(deps),
    locks,
    tasks: of.tasks,
    log: of.log,
    signal: stopping.signal,
  })
  return {
    leads,
    check: () => sweep.check(),
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await running
      await stack.disposeAsync()
    },
  }
}

function composeDuties(deps: DutyDeps & { isLeading: () => boolean }): Duty[] {
  return [
    leaseDuty(deps),
    doorbellDuty(deps),
    effectDuty(deps),
    settlementDuty(deps),
    helloDuty(deps),
    adoptionDuty(deps),
    approvalDuty(deps),
    spendDuty(deps),
    trimDuty(deps),
    memoryDuty(deps),
  ]
}
