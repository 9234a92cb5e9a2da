import type { Sql } from '../open-database.ts'

/**
 * Makes tasks due that wait for the room which these grants gave back, those first whose results
 * are oldest, as many as may be granted now: `maxGranted` of an account, one of a tool that keeps
 * cooldowns. Inside the transaction that settled them; answers the ids of the tasks, whosever they
 * are.
 */
export async function wakeForRoom(
  tx: Sql,
  of: { freed: readonly { account: string; tool: string }[]; maxGranted: number },
): Promise<string[]> {
  if (of.freed.length === 0) return []
  const woken = await tx.query<{ id: string }>({
    name: 'wake-for-room',
    text: 'SELECT id FROM wake_for_room($1, $2, $3) AS woken(id)',
    values: [
      of.freed.map(({ account }) => account),
      of.freed.map(({ tool }) => tool),
      of.maxGranted,
    ],
  })
  return woken.map(({ id }) => id)
}
