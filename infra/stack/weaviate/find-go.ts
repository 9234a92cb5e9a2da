import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { z } from 'zod'

import type { Environment } from '../process-environment.ts'

const run = promisify(execFile)

/** What Weaviate's module asks of Go. */
const LEAST = { major: 1, minor: 26 } as const
const NEEDED = `Go ${LEAST.major}.${LEAST.minor} or newer`
const ANSWERS_WITHIN_MS = 20_000

/** A Go that can build the server. */
export type Go = Readonly<{
  version: string
  /** Where it keeps sources, and what it has compiled; both stay for the next build. */
  modules: string
  compiled: string
}>

const Told = z.object({ GOVERSION: z.string(), GOMODCACHE: z.string(), GOCACHE: z.string() })

/** The Go of this machine, or why there is none of use. */
export async function findGo(env: Environment): Promise<Go | { missing: string }> {
  const told = await ask(env)
  if (told === undefined) return { missing: `no ${NEEDED} is on the PATH` }
  const [, version = '', major = 0, minor = 0] = /go((\d+)\.(\d+)\S*)/.exec(told.GOVERSION) ?? []
  const isNew =
    Number(major) > LEAST.major || (Number(major) === LEAST.major && Number(minor) >= LEAST.minor)
  if (!isNew) return { missing: `Go ${version} is older than ${NEEDED}` }
  return { version, modules: told.GOMODCACHE, compiled: told.GOCACHE }
}

async function ask(env: Environment): Promise<z.infer<typeof Told> | undefined> {
  try {
    const options = { env: { ...env }, timeout: ANSWERS_WITHIN_MS }
    const { stdout } = await run('go', ['env', '-json', ...Object.keys(Told.shape)], options)
    return Told.parse(JSON.parse(stdout))
  } catch {
    return undefined
  }
}
