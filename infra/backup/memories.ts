import { rm } from 'node:fs/promises'
import path from 'node:path'

import { ChimeraError } from '@chimera/contracts/errors'

import { openHashedFile, type HashedFile } from './hashed-file.ts'
import type { BackupMemories } from './manifest.ts'
import type { OutsideMemory } from './outside-memory.ts'

const FILE = 'memories.jsonl'
const PAGE = 500

/**
 * Writes the memories of all tenants that are not in the record, after the record: what was on its
 * way from one to the other is in both then, and never in neither. A memory that does not answer
 * makes no backup fail; the manifest says that it has none, and why.
 */
export async function writeMemories(of: {
  memory: OutsideMemory | undefined
  tenantIds: readonly string[]
  /** The backup's folder. */
  into: string
  progress: (sentence: string) => void
  signal: AbortSignal
}): Promise<BackupMemories | undefined> {
  const { memory, into, progress } = of
  if (memory === undefined) return undefined
  if ('missing' in memory) return without(memory.missing, progress)
  const target = path.join(into, FILE)
  const file = await openHashedFile(target)
  let count = 0
  try {
    for (const tenantId of of.tenantIds)
      count += await writeTenant({ ...of, memory, tenantId, file })
  } catch (error) {
    await file.close()
    await rm(target)
    if (!(error instanceof ChimeraError)) throw error
    return without(error.message, progress)
  }
  progress(`memories: ${count}`)
  return { path: FILE, ...(await file.close()), count }
}

function without(missing: string, progress: (sentence: string) => void): BackupMemories {
  progress(`THE MEMORIES OF AGENTS ARE NOT IN THIS BACKUP: ${missing}`)
  return { missing }
}

async function writeTenant(of: {
  memory: Extract<OutsideMemory, { list: unknown }>
  tenantId: string
  file: HashedFile
  signal: AbortSignal
}): Promise<number> {
  const { memory, tenantId, file } = of
  let before: string | undefined
  let count = 0
  do {
    of.signal.throwIfAborted()
    const page = await memory.list({ tenantId, before, limit: PAGE })
    const lines = page.map((one) => JSON.stringify({ tenant_id: tenantId, memory: one }))
    if (lines.length > 0) await file.write(`${lines.join('\n')}\n`)
    count += page.length
    before = page.at(-1)?.id
  } while (before !== undefined)
  return count
}
