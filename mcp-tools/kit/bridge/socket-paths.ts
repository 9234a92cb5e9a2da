import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'

import { TerminalError } from '@chimera/contracts/errors'

/** Where the holder of a ledger can be met: MCP by lines, and HTTP. */
export type SocketPaths = Readonly<{ mcp: string; http: string }>

/** `sun_path` has 108 bytes on Linux and 104 on macOS, the zero at its end included. */
const MAX_BYTES = 103

/**
 * The sockets of an account at a ledger: beside it, or in a folder of this user's where that path
 * would be too long. Known without opening the ledger, and the same for every process that is told
 * the same account and path. Throws when the folder is somebody else's.
 */
export function socketPathsOf(of: { account: string; ledger: string }): SocketPaths {
  const ledger = resolve(of.ledger)
  const name = createHash('sha256').update(`${of.account}\0${ledger}`).digest('hex').slice(0, 16)
  const beside = pathsIn(dirname(ledger), name)
  return Buffer.byteLength(beside.http) <= MAX_BYTES ? beside : pathsIn(ownFolder(), name)
}

function pathsIn(folder: string, name: string): SocketPaths {
  return { mcp: join(folder, `${name}.mcp`), http: join(folder, `${name}.http`) }
}

/** Whoever owns the folder could stand between a bridge and its holder. */
function ownFolder(): string {
  const { uid } = userInfo()
  const folder = join(tmpdir(), `chimera-${uid}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { uid: owner, mode } = lstatSync(folder)
  if (owner === uid && (mode & 0o077) === 0) return folder
  throw new TerminalError('CONFIG_INVALID', `${folder} has to be this user's alone.`)
}
