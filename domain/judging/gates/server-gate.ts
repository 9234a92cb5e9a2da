import type { Gate } from './gate.ts'

/** What has to be waited for at the account's tool server before one more grant makes sense. */
export const serverGate: Gate = ({ effect, account, scene }) => {
  if (scene.isStopped(account.account)) {
    return [{ gate: 'stop', vote: 'wait', code: 'STOPPED', reason: 'a stop is in force' }]
  }
  if (account.state !== 'open' || account.boot === null) {
    const why = account.reason === null ? account.state : `${account.state}: ${account.reason}`
    const reason = `tool server ${account.account} is ${why}`
    return [{ gate: 'tool', vote: 'wait', code: 'SERVER_CLOSED', reason }]
  }
  if (account.cooldown !== null && account.cooldown.leftMs > 0) {
    const reason = `cooldown of ${account.account} until ${account.cooldown.until}`
    return [{ gate: 'tool', vote: 'wait', reason }]
  }
  if (scene.waitsFor(account.account, effect.tool) === undefined) return []
  const reason = `its turn: ${account.account} has as many grants out as it may`
  return [{ gate: 'tool', vote: 'wait', reason }]
}
