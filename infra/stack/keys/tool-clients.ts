import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { sha256 } from '@chimera/contracts/canonical'
import { ConflictError, TerminalError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import { MAX_TOOL_CLIENTS, ToolClients, type ToolClient } from '@chimera/contracts/tool-clients'

import { tryLock } from '../processes/file-lock.ts'

/** Marks a token in a log or a commit as what it is, for people and for secret scanners. */
const PREFIX = 'chimera_tool_'
/** 256 random bits need no slow hash: there is nothing to guess. */
const SECRET_BYTES = 32

/** Another command holds the lock for milliseconds. */
const LOCK_TRIES = 40
const LOCK_PAUSE_MS = 50

/**
 * Adds the token of an MCP client to the file that tool servers read. The secret is in this answer
 * and nowhere else. Expired tokens are swept out on the way.
 */
export async function createToolClient(
  file: string,
  wanted: Pick<ToolClient, 'name' | 'servers' | 'scopes'> & { expiresAt: Date },
): Promise<{ client: ToolClient; secret: string }> {
  const secret = PREFIX + randomBytes(SECRET_BYTES).toString('base64url')
  const { expiresAt, ...rest } = wanted
  const now = new Date()
  const client: ToolClient = {
    id: newId(),
    hash: sha256(secret),
    ...rest,
    created_at: now.toISOString(),
    expires_at: expiresAt.toISOString(),
  }
  await change(file, (clients) => {
    const alive = clients.filter(({ expires_at: end }) => Date.parse(end) > now.getTime())
    if (alive.length >= MAX_TOOL_CLIENTS) {
      throw new TerminalError('INPUT_INVALID', `There are ${MAX_TOOL_CLIENTS} tokens already.`)
    }
    return [...alive, client]
  })
  return { client, secret }
}

/** All tokens that the file holds, newest first. */
export async function listToolClients(file: string): Promise<ToolClient[]> {
  return (await read(file)).toReversed()
}

/**
 * Takes tokens out by id, or all of a name; their next request is refused. Answers the ids; none
 * when nothing of that id or name was there.
 */
export async function revokeToolClient(file: string, idOrName: string): Promise<string[]> {
  const revoked: string[] = []
  await change(file, (clients) =>
    clients.filter(({ id, name }) => {
      const isMeant = id === idOrName || name === idOrName
      if (isMeant) revoked.push(id)
      return !isMeant
    }),
  )
  return revoked
}

/** One writer at a time; readers see the file before or after, never half of it. */
async function change(
  file: string,
  apply: (clients: readonly ToolClient[]) => readonly ToolClient[],
): Promise<void> {
  await using held = new AsyncDisposableStack()
  held.use(await takeLock(`${file}.lock`))
  const clients = apply(await read(file))
  const next = `${file}.${process.pid}`
  const text = JSON.stringify(ToolClients.parse({ version: 1, clients }), undefined, 2)
  await writeFile(next, `${text}\n`, { mode: 0o600 })
  await rename(next, file)
}

async function takeLock(file: string): Promise<Disposable> {
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    const lock = tryLock(file)
    if (lock !== undefined) return lock
    await sleep(LOCK_PAUSE_MS)
  }
  throw new ConflictError('VERSION_CONFLICT', `Another command is writing ${file}.`)
}

async function read(file: string): Promise<ToolClient[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? [] : ToolClients.parse(JSON.parse(text)).clients
}
