import { join } from 'node:path'

import { openLineProcess } from '../../processes/line-process.ts'
import { ConsumeWord } from './entry.ts'

/** Entries a second of one consumer of each kind; nothing where it could not be measured. */
export const CONSUMERS = ['chimera', 'raw', 'bullmq'] as const
export type Consumer = (typeof CONSUMERS)[number]

const WITHIN_MS = 60_000

/** Runs it as a process of its own, from its start to its figure. Throws what it said last. */
export async function measureConsume(of: {
  consumer: Consumer
  redisSocket: string
  entries: number
  env: Readonly<Record<string, string | undefined>>
}): Promise<number> {
  const { consumer, redisSocket, entries, env } = of
  let found: number | undefined
  const child = openLineProcess({
    command: process.execPath,
    args: [
      '--import',
      join(import.meta.dirname, '..', 'resolve-packages.ts'),
      join(import.meta.dirname, `${consumer}.ts`),
      JSON.stringify({ redisSocket, entries }),
    ],
    cwd: import.meta.dirname,
    env,
    onLine: (line) => {
      if (line.startsWith('{"per_s"')) found = ConsumeWord.parse(JSON.parse(line)).per_s
    },
  })
  const late = setTimeout(() => child.kill('SIGKILL'), WITHIN_MS)
  const { code } = await child.ended
  clearTimeout(late)
  if (found === undefined)
    throw new Error(`The consumer ${consumer} ended ${code}: ${child.lastWords()}`)
  return found
}
