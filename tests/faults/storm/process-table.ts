import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import type { StackClient } from '@chimera/infra/stack/control-client'

const run = promisify(execFile)

/** Everything in a stack that can be killed, the lifelines of the two servers included. */
export const TARGETS = [
  'planner',
  'worker',
  'judge',
  'keeper',
  'gateway',
  'tweet',
  'simulated-x',
  'redis',
  'postgres',
  'redis-lifeline',
  'postgres-lifeline',
] as const
export type Target = (typeof TARGETS)[number]

type Row = Readonly<{ pid: number; parent: number; command: string }>

/**
 * The processes of a target, as the supervisor and the system name them now; none while it is
 * being started again. Whatever is answered descends from the supervisor: a pid that was given to
 * somebody else in between is not ours to touch. PostgreSQL is its postmaster and all its
 * children.
 */
export async function findPids(stack: StackClient, target: string): Promise<number[]> {
  const report = await stack.report()
  const rows = await readTable()
  const own = descendants(rows, report.pid)
  const named = [
    ...report.roles,
    ...report.tools,
    ...report.servers,
    ...report.simulated.map(({ pid }) => ({ name: 'simulated-x', pid })),
  ]
  const name = target.replace('-lifeline', '')
  const pid = named.find((one) => one.name === name)?.pid ?? undefined
  const root = own.find((row) => row.pid === pid)
  if (root === undefined) return []
  if (name !== 'redis' && name !== 'postgres') return [root.pid]
  if (target.endsWith('-lifeline')) return [root.pid]
  // The shell that holds the lifeline has two children: the server, and a shell that watches.
  const below = descendants(rows, root.pid).filter(
    ({ command }) => !/(^|\/)(da|ba)?sh$/.test(command),
  )
  return below.map((row) => row.pid)
}

async function readTable(): Promise<Row[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,stat=,comm='])
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, state, ...command] = line.trim().split(/\s+/)
    // A dead one that nobody has asked after is no process any more.
    if (state === undefined || state.startsWith('Z')) return []
    return [{ pid: Number(pid), parent: Number(parent), command: command.join(' ') }]
  })
}

function descendants(rows: readonly Row[], of: number): Row[] {
  const children = rows.filter(({ parent }) => parent === of)
  return children.flatMap((child) => [child, ...descendants(rows, child.pid)])
}

/** Sends a signal to all of them; one that has gone meanwhile needs none. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended in between.
    }
  }
}
