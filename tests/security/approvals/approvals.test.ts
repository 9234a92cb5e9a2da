/** Nothing happens without the word of a person who may give it, for exactly this, in time. */
import { decide } from '@chimera/gateway/approvals/decide'
import type { Database, Sql, Statement } from '@chimera/infra/database/open-database'
import { APPROVAL_RULES, type ApprovalRules } from '@chimera/judge/approval-rules'
import { describe } from 'vitest'

import { control, guarantee, sampleSize, seeded, type Random } from '../../guarantee.ts'
import { openApprovalRig, type ApprovalRig } from '../../integration/approvals/approval-rig.ts'
import { ATTACKS, openTarget, sound } from './attacks.ts'

const N = sampleSize({ ci: 100, full: 5_000 })
const claim = {
  id: 'no-effect-without-a-person',
  title: 'no attack on approvals gets an effect without a valid one',
  n: N,
  seed: 6,
  timeoutMs: 120_000 + N * 2_000,
}

type Asks = (statement: Statement) => Statement

/** The record, with other questions in the place of some. */
function askedOtherwise(database: Database, asks: Asks): Database {
  const on =
    (sql: Sql): Sql['query'] =>
    (statement) =>
      sql.query(asks(statement))
  return {
    ...database,
    query: (statement, scope) => on({ query: (asked) => database.query(asked, scope) })(statement),
    transaction: (work, scope) => database.transaction((tx) => work({ query: on(tx) }), scope),
  }
}

/** A statement with some of its text replaced; a name of its own, as it is another one. */
const replaced =
  (name: string, from: string, to: string): Asks =>
  (statement) =>
    statement.name === name
      ? { ...statement, name: `${name}-carelessly`, text: statement.text.replace(from, to) }
      : statement

/** Attacks by turns; `names` for those that a control is about. */
async function attack(of: {
  n: number
  random: Random
  names?: readonly string[]
  rules?: ApprovalRules
  /** What a control switches off in its own database. */
  without?: readonly string[]
  /** What it takes away there. */
  drop?: readonly string[]
  /** How it has Judge and gateway ask the record. */
  asks?: Asks
}): Promise<void> {
  await using own = await openApprovalRig()
  const { database } = own.judge
  for (const trigger of of.without ?? []) {
    const [table, name] = trigger.split('.')
    await database.query({ text: `ALTER TABLE ${table} DISABLE TRIGGER ${name}` })
  }
  for (const text of of.drop ?? []) await database.query({ text })
  const asked = of.asks === undefined ? database : askedOtherwise(database, of.asks)
  const rig: ApprovalRig = {
    ...own,
    commit: ({ principal }, id, decision) => decide(asked, { principal, id, decision }),
  }
  const rules = of.rules === undefined ? {} : { approvalRules: of.rules }
  const deps = { ...own.judge.deps, database: asked, ...rules }
  const names = of.names ?? Object.keys(ATTACKS)
  for (let turn = 0; turn < of.n; turn += 1) {
    const name = names[turn % names.length] ?? ''
    const scene = { rig, deps, random: of.random }
    const target = await openTarget(scene)
    try {
      await ATTACKS[name]?.(scene, target)
      await sound(scene, target)
    } catch (cause) {
      throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      })
    }
  }
}

guarantee(claim, ({ n, random }) => attack({ n, random }))

/** The rules with a check less, and no second look in the granting transaction. */
const without = (...checks: string[]): ApprovalRules => ({
  checks: APPROVAL_RULES.checks.filter(({ name }) => !checks.includes(name)),
  hold: async (_tx, approvals) => new Set(approvals.map(({ id }) => id)),
})

/** The record's own look at what a grant rests on. */
const TRIGGERS = ['effects.effects_rest_on_approvals', 'effects.effects_waited_for_approvals']

describe('without a guard', () => {
  const cases = [
    {
      guard: 'the hash of the arguments in the approval',
      name: 'other arguments after the approval',
      checks: ['isOfArguments'],
      expect: /other arguments than approved/,
    },
    {
      guard: 'the expiry of the approval',
      name: 'expired before the verdict',
      checks: ['isInTime'],
      expect: /outlives its approval|without a valid word|GrantClaims|Too small/,
    },
    {
      guard: 'the slot in the approval',
      name: 'the approval of another slot',
      checks: ['isOfSlot'],
      expect: /without a valid word/,
    },
    {
      guard: 'whether the approver still may',
      name: 'approved by who was removed',
      checks: ['hasApprovers'],
      expect: /without a valid word/,
    },
    {
      guard: 'that who asks does not approve money',
      name: 'approved by who asked',
      checks: ['hasApprovers'],
      expect: /without a valid word/,
    },
  ]
  for (const { guard, name, checks, expect } of cases) {
    control({ guard, test: claim.id, expect, timeoutMs: 120_000 }, () =>
      attack({
        n: 8,
        random: seeded(6),
        names: [name],
        rules: without(...checks),
        without: TRIGGERS,
      }),
    )
  }

  control(
    {
      guard: 'the single use of an approval',
      test: claim.id,
      expect: /two rounds of one slot are out/,
      timeoutMs: 120_000,
    },
    () =>
      attack({
        n: 4,
        random: seeded(6),
        names: ['used twice'],
        // Rounds that are out are not seen, and the record takes a second one.
        asks: replaced(
          'scene-rounds',
          'ORDER BY e.slot',
          `WHERE e.state IN ('PROPOSED', 'AWAITING_APPROVAL') ORDER BY e.slot`,
        ),
        drop: [
          'DROP INDEX effects_one_open_round',
          'ALTER TABLE effects DROP CONSTRAINT effects_effect_key_round_key',
        ],
      }),
  )

  control(
    {
      guard: 'the first decision, which wins',
      test: claim.id,
      expect: /without a valid word/,
      timeoutMs: 120_000,
    },
    () =>
      attack({
        n: 4,
        random: seeded(6),
        names: ['approved after somebody said no'],
        // A request is open whatever has been said.
        asks: replaced('read-approval', 'a.state,', `'REQUESTED' AS state,`),
        without: ['approvals.approvals_end_is_final'],
      }),
  )
})
