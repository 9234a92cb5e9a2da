import { type Database, openDatabase } from '@chimera/infra/database/open-database'
import type { Tier } from '@chimera/infra/llm/cascade/tier'
/** Circuits of models: one machine, held by a process for itself or by the record for all. */
import { type Admission, OPEN_MS, type Outcome } from '@chimera/infra/llm/circuits/circuit'
import { type Circuits, openOwnCircuits } from '@chimera/infra/llm/circuits/circuits'
import { openRecordCircuits } from '@chimera/infra/llm/circuits/record-circuits'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openFreshDatabase, urlAs, type FreshDatabase } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { withoutCircuitLock } from '../models/without-circuit-lock.ts'

const log = openLog({ name: 'circuits', level: 'silent' })
const LEASE_MS = 20_000
const RACERS = 20

let fresh: FreshDatabase
let swarm: Database
beforeAll(async () => {
  fresh = await openFreshDatabase()
  const url = urlAs('chimera_swarm', fresh.databaseUrl)
  const of = { url, name: 'circuits', log, max: RACERS }
  swarm = openDatabase({ ...of, role: 'chimera_swarm' })
})
afterAll(async () => {
  await swarm[Symbol.asyncDispose]()
  await fresh[Symbol.asyncDispose]()
})

/** Circuits, and how time goes by for them. */
type Held = { circuits: Circuits; pass: (ms: number) => Promise<void> }

const HOLDERS: Record<string, () => Held> = {
  'a process alone': () => {
    let now = 1_000_000
    return {
      circuits: openOwnCircuits(() => now),
      pass: (ms) => Promise.resolve(void (now += ms)),
    }
  },
  'the record, looked at each time': () => {
    const circuits: Circuits = {
      admit: (...of) => openRecordCircuits(swarm).admit(...of),
      note: (...of) => openRecordCircuits(swarm).note(...of),
    }
    return { circuits, pass: passInRecord }
  },
  'the record, as one process sees it': () => {
    let now = 0
    let opened: Circuits | undefined
    const own = () => (opened ??= openRecordCircuits(swarm, () => now))
    const circuits: Circuits = {
      admit: (...of) => own().admit(...of),
      note: (...of) => own().note(...of),
    }
    const pass = async (ms: number): Promise<void> => {
      await passInRecord(ms)
      now += ms
    }
    return { circuits, pass }
  },
}

const passInRecord = async (ms: number): Promise<void> => {
  const back = (column: string) => `${column} = ${column} - $1 * interval '1 millisecond'`
  const columns = ['open_until', 'cool_until', 'probe_until'].map((column) => back(column))
  await fresh.query({ text: `UPDATE model_circuits SET ${columns.join(', ')}`, values: [ms] })
}

let tiers = 0
/** A tier that no test has met before. */
function newTier(): Tier {
  tiers += 1
  return {
    name: `tier-${tiers}`,
    provider: 'openai-compatible',
    baseUrl: 'http://127.0.0.1:1',
    model: 'm',
    key: undefined,
    label: `host-${tiers}/m`,
    circuit: `openai-compatible host-${tiers} m none`,
    capabilities: ['json'],
    contextTokens: undefined,
    privacy: 'local',
    price: { input: 0n, output: 0n },
    timeoutMs: 1_000,
    strength: 0,
  }
}

const FAILED: Outcome = { kind: 'failed', reason: 'MODEL_UNAVAILABLE' }
const ANSWERED: Outcome = { kind: 'answered' }

async function admitted(circuits: Circuits, tier: Tier) {
  const admission = await circuits.admit(tier, LEASE_MS)
  if (!admission.admitted) throw new Error(`It was not admitted: ${admission.why}`)
  return admission
}

async function call(circuits: Circuits, tier: Tier, outcome: Outcome): Promise<void> {
  await circuits.note(tier, { admission: await admitted(circuits, tier), outcome })
}

const refusal = (admission: Admission): string =>
  admission.admitted ? 'admitted' : `${admission.why} ${admission.waitMs ?? 'for good'}`

async function openOne({ circuits }: Held): Promise<Tier> {
  const tier = newTier()
  for (let n = 0; n < 5; n += 1) await call(circuits, tier, FAILED)
  return tier
}

describe.each(Object.entries(HOLDERS))('circuits of %s', (_name, hold) => {
  const held = hold()
  const { circuits, pass } = held
  const look = (tier: Tier) => circuits.admit(tier, LEASE_MS)

  test('open after five failures in a row, and an answer in between begins anew', async () => {
    const tier = newTier()
    for (let n = 0; n < 4; n += 1) await call(circuits, tier, FAILED)
    await call(circuits, tier, ANSWERED)
    for (let n = 0; n < 4; n += 1) await call(circuits, tier, FAILED)
    expect((await look(tier)).admitted).toBe(true)
    await call(circuits, tier, FAILED)
    expect(await look(tier)).toMatchObject({ admitted: false, why: 'circuit_open' })
  })

  test('let one try after a minute, and close after two that succeed', async () => {
    const tier = await openOne(held)
    await pass(OPEN_MS - 10_000)
    expect(refusal(await look(tier))).toMatch(/^circuit_open /)
    await pass(10_000)
    const first = await admitted(circuits, tier)
    expect(refusal(await look(tier))).toMatch(/^probing /)
    await circuits.note(tier, { admission: first, outcome: ANSWERED })
    const second = await admitted(circuits, tier)
    expect(refusal(await look(tier))).toMatch(/^probing /)
    await circuits.note(tier, { admission: second, outcome: ANSWERED })
    const [one, other] = [await look(tier), await look(tier)]
    expect([one.admitted, other.admitted]).toEqual([true, true])
  })

  test('open again for a minute when the one that tries fails', async () => {
    const tier = await openOne(held)
    await pass(OPEN_MS)
    await call(circuits, tier, FAILED)
    expect(refusal(await look(tier))).toMatch(/^circuit_open /)
    await pass(OPEN_MS)
    expect((await look(tier)).admitted).toBe(true)
  })

  test('take another when the one that tries stays away, and do not hear it then', async () => {
    const tier = await openOne(held)
    await pass(OPEN_MS)
    const lost = await admitted(circuits, tier)
    await pass(LEASE_MS)
    const second = await admitted(circuits, tier)
    await circuits.note(tier, { admission: lost, outcome: FAILED })
    await circuits.note(tier, { admission: second, outcome: ANSWERED })
    await call(circuits, tier, ANSWERED)
    expect((await look(tier)).admitted).toBe(true)
    expect((await look(tier)).admitted).toBe(true)
  })

  test('hear nothing of calls that began before they opened', async () => {
    const tier = newTier()
    const slow = await admitted(circuits, tier)
    for (let n = 0; n < 5; n += 1) await call(circuits, tier, FAILED)
    await circuits.note(tier, { admission: slow, outcome: ANSWERED })
    expect(refusal(await look(tier))).toMatch(/^circuit_open /)
  })

  test('stay open for good where the key is not taken, also behind later failures', async () => {
    const tier = newTier()
    const late = await admitted(circuits, tier)
    await call(circuits, tier, { kind: 'unauthorized', reason: 'MODEL_UNAUTHORIZED' })
    await circuits.note(tier, { admission: late, outcome: FAILED })
    await pass(365 * 86_400_000)
    expect(refusal(await look(tier))).toBe('held_open for good')
  })

  test('keep the longest pause that was asked for, and count it as no failure', async () => {
    const tier = newTier()
    const [one, other] = [await admitted(circuits, tier), await admitted(circuits, tier)]
    const limited = (forMs: number): Outcome => ({ kind: 'limited', reason: 'LIMIT', forMs })
    await circuits.note(tier, { admission: one, outcome: limited(30_000) })
    await circuits.note(tier, { admission: other, outcome: limited(10_000) })
    await pass(20_000)
    expect(refusal(await look(tier))).toMatch(/^cooling /)
    await pass(10_000)
    for (let n = 0; n < 4; n += 1) await call(circuits, tier, FAILED)
    expect((await look(tier)).admitted).toBe(true)
  })

  test('give the place of who gave up to another at once', async () => {
    const tier = await openOne(held)
    await pass(OPEN_MS)
    await call(circuits, tier, { kind: 'released' })
    expect((await look(tier)).admitted).toBe(true)
  })
})

/** Twenty processes meet a circuit whose minute is over: how many of them go through. */
async function expectOneProbe(open: () => Circuits): Promise<void> {
  const tier = await openOne({ circuits: open(), pass: passInRecord })
  await passInRecord(OPEN_MS)
  const looked = await Promise.all(
    Array.from({ length: RACERS }, async () => open().admit(tier, LEASE_MS)),
  )
  expect(looked.filter(({ admitted: is }) => is).length, 'probes that were let through').toBe(1)
}

const probe = {
  id: 'circuit-one-probe',
  title: 'a half-open circuit lets one of all processes try',
}
guarantee({ ...probe, n: RACERS, seed: 1 }, () => expectOneProbe(() => openRecordCircuits(swarm)))
control(
  {
    guard: 'the lock on the row of the circuit',
    test: probe.id,
    expect: /probes that were let through: expected (?:[2-9]|1\d|20) to be 1/,
  },
  () => expectOneProbe(() => openRecordCircuits(withoutCircuitLock(swarm))),
)
