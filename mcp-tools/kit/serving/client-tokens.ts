import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

import { ToolClients, type ToolClient } from '@chimera/contracts/tool-clients'
import { onceATurn } from '@chimera/runtime/once-a-turn'

/** The tokens of MCP clients; their hashes are in a file that the operator's command writes. */
export type ClientTokens = Readonly<{
  /**
   * The client whose token this is, for this very server and not expired. Looks at the file first,
   * so that a token that was revoked a moment ago is refused.
   */
  find: (secret: string) => ToolClient | undefined
}>

/** Group and others: who may write the file may let anybody in. */
const WRITABLE_BY_OTHERS = 0o022

/**
 * Reads the file again whenever it has changed; a stat in every turn of the loop that asks. A file
 * that is not there holds no client; one that is broken, or that others may write, holds none
 * either, and `onFault` says so once.
 */
export function openClientTokens(options: {
  file: string
  /** This server's own names: of the server and of the account. */
  audience: readonly string[]
  now: () => number
  onFault: (cause: unknown) => void
}): ClientTokens {
  const { file, audience, now, onFault } = options
  let seen = ''
  let clients: ReadonlyMap<string, ToolClient> = new Map()
  const refresh = onceATurn((): void => {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
    const mark = stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.mode}`
    if (mark === seen) return
    seen = mark
    clients = new Map()
    if (stat === undefined) return
    try {
      if ((Number(stat.mode) & WRITABLE_BY_OTHERS) !== 0) throw new Error('Others may write it.')
      clients = read(file)
    } catch (cause) {
      onFault(cause)
    }
  })
  return {
    find: (secret) => {
      refresh()
      // Found by its hash: how long that takes says nothing about how much of a guess was right.
      const client = clients.get(createHash('sha256').update(secret).digest('hex'))
      if (client === undefined) return undefined
      const isForHere = client.servers.some((name) => audience.includes(name))
      return isForHere && Date.parse(client.expires_at) > now() ? client : undefined
    },
  }
}

/** For a server that lets in nobody but the Workers. */
export const NO_CLIENTS: ClientTokens = { find: () => undefined }

function read(file: string): Map<string, ToolClient> {
  const { clients } = ToolClients.parse(JSON.parse(readFileSync(file, 'utf8')))
  return new Map(clients.map((client) => [client.hash, client]))
}
