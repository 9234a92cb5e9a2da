import { ToolArguments } from '@chimera/contracts/effect'
import type { RoundRow } from '@chimera/infra/database/judging/insert-rounds'
import { isAnyHeld } from '@chimera/infra/database/judging/load-attempts'
import { readHouseVersions } from '@chimera/infra/database/judging/load-house'
import { type LoadedScene, readFences } from '@chimera/infra/database/judging/load-scene'
import { holdWords, isPost, readRepeats } from '@chimera/infra/database/judging/read-repeats'
import { readKill } from '@chimera/infra/database/kill/read-kill'
import type { Sql } from '@chimera/infra/database/open-database'

import type { ApprovalRules } from './approval-rules.ts'
import { StaleSceneError } from './stale-scene.ts'

/**
 * Reads again, locked for the rest of the granting transaction, what the grants were signed for: a
 * stop, a pause, a kill level, another boot, or a change of registry or persona that came in
 * between makes all of them stale.
 */
export async function assertFresh(
  tx: Sql,
  scene: LoadedScene,
  goals: readonly { tenantId: string; goalId: string }[],
): Promise<void> {
  const fences = await readFences(tx, true)
  for (const [scope, { epoch }] of fences) {
    if (scene.fences.get(scope)?.epoch !== epoch) throw new StaleSceneError(`fence of ${scope}`)
  }
  // After the fences: a pause that is not seen here raises one above them.
  if (await isAnyHeld(tx, goals)) throw new StaleSceneError('standing of an agent or a goal')
  for (const [scope, { epoch }] of await readKill(tx, true)) {
    if (scene.kill.get(scope)?.epoch !== epoch) throw new StaleSceneError(`kill level of ${scope}`)
  }
  const tenants = new Set([...scene.house.versions.keys()].map((key) => key.split(' ', 1)[0] ?? ''))
  const versions = await readHouseVersions(tx, [...tenants], true)
  for (const [subject, version] of versions) {
    if (scene.house.versions.get(subject) !== version) throw new StaleSceneError(subject)
  }
  const accounts = scene.bindings.map(({ account }) => account)
  const rows = await tx.query<{ account: string; boot: string | null }>({
    name: 'accounts-locked',
    text: `SELECT account, boot FROM tool_accounts WHERE account = ANY($1)
      ORDER BY account FOR SHARE`,
    values: [[...new Set(accounts.map(({ account }) => account))]],
  })
  for (const { account, boot } of rows) {
    if (accounts.some((known) => known.account === account && known.boot !== boot)) {
      throw new StaleSceneError(`boot of ${account}`)
    }
  }
}

/**
 * The same of approvals: one that was taken back, ran out, or whose approver may not approve any
 * more makes the verdict stale.
 */
export async function assertApproved(
  tx: Sql,
  approvals: readonly { id: string; versionId: string }[],
  hold: ApprovalRules['hold'],
): Promise<void> {
  const held = await hold(tx, approvals)
  for (const { id } of approvals) if (!held.has(id)) throw new StaleSceneError(`approval ${id}`)
}

/**
 * The same of what is posted: nobody else lets one of the accounts say these words until the end of
 * this transaction, and who did since the scene was read makes the verdict stale.
 */
export async function assertUnsaid(
  tx: Sql,
  scene: LoadedScene,
  { rounds, repeatDays }: { rounds: readonly RoundRow[]; repeatDays: number },
): Promise<void> {
  const said = rounds.flatMap(({ grant, account, tool, args, ...of }) => {
    const words = { tool, args: ToolArguments.parse(args) }
    if (grant === null || account === null || !isPost(words)) return []
    return [{ tenantId: of.tenantId, goalId: of.goalId, slot: of.slot, args: words.args, account }]
  })
  if (said.length === 0 || repeatDays === 0) return
  await holdWords(tx, said)
  // A statement of its own: it sees what those that held the words committed.
  const repeats = await readRepeats(tx, said, repeatDays)
  for (const { goalId, slot, account } of said) {
    const key = `${goalId} ${slot} ${account}`
    if (repeats.has(key) && !scene.house.repeats.has(key)) {
      throw new StaleSceneError(`words of ${account}`)
    }
  }
}
