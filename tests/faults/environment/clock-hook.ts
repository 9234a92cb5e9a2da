/**
 * Loaded before the `chimera` of a test (`node --import`): every process that it starts gets a wall
 * clock of its own, which stands in `<state_dir>/clocks/<name>` and is moved by writing there. The
 * product has no way to be told so: it hands its children an environment that it knows.
 */
import child from 'node:child_process'
import { existsSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'

import { z } from 'zod'

import { clockEnvironment } from './moved-clock.ts'

const Given = z.object({ MOVED_CLOCK_LIBRARY: z.string(), CHIMERA_STATE_DIR: z.string() })
const Options = z.looseObject({ env: z.record(z.string(), z.string().optional()) })

const given = Given.parse(process.env)

/** Of a role or a tool server its consumer name; of a server its program. */
function nameOf(env: Readonly<Record<string, string | undefined>>, args: unknown): string {
  const consumer = env['CONSUMER_NAME']
  if (consumer !== undefined) return consumer.replace(/-1$/, '')
  return JSON.stringify(args).includes('/bin/postgres') ? 'postgres' : ''
}

child.spawn = new Proxy(child.spawn, {
  apply: (spawn, self, [command, args, options]: unknown[]): unknown => {
    const parsed = Options.safeParse(options)
    if (!parsed.success) return Reflect.apply(spawn, self, [command, args, options])
    const { env } = parsed.data
    const file = join(given.CHIMERA_STATE_DIR, 'clocks', nameOf(env, args))
    const isMoved = nameOf(env, args) !== '' && existsSync(file)
    const clock = clockEnvironment(given.MOVED_CLOCK_LIBRARY, file)
    const moved = { ...parsed.data, env: isMoved ? { ...env, ...clock } : env }
    return Reflect.apply(spawn, self, [command, args, moved])
  },
})
syncBuiltinESMExports()
