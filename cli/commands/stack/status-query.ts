import { readFile } from 'node:fs/promises'

import { KILL_LEVELS } from '@chimera/contracts/judging/kill'
import { StatusReport } from '@chimera/contracts/observable'
import type { ToolStatus } from '@chimera/contracts/tool-control'
import { readFences } from '@chimera/infra/database/fences/read-fences'
import { readKill } from '@chimera/infra/database/kill/read-kill'
import { countLetters } from '@chimera/infra/database/letters/list-letters'
import { countPosted } from '@chimera/infra/database/memories/memory-outbox'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { listTurns } from '@chimera/infra/database/tasks/list-turns'
import { listPaused } from '@chimera/infra/database/tenancy/list-paused'
import { listBoots } from '@chimera/infra/database/tools/list-boots'
import { countRecord } from '@chimera/infra/stack/record-counts'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { openLog } from '@chimera/runtime/log'

import { askMemory } from './memory-status.ts'

const Queried = StatusReport.pick({
  tools: true,
  fence: true,
  kill: true,
  paused: true,
  streams: true,
  tasks: true,
  turns: true,
  effects: true,
  dead: true,
})
type Queried = Pick<
  StatusReport,
  | 'tools'
  | 'fence'
  | 'kill'
  | 'paused'
  | 'streams'
  | 'tasks'
  | 'turns'
  | 'effects'
  | 'dead'
  | 'memory'
>
type Tool = StatusReport['tools'][number]

/** A status that waits is of no use: what does not answer by then is told and left out. */
const ANSWER_WITHIN_MS = 3000

/**
 * Asks the record, Redis and the tool servers side by side. What does not answer is told through
 * `complain` and stands in the report as nothing, so that the rest can be seen.
 */
export async function queryStatus(
  report: StackReport,
  complain: (sentence: string) => void,
): Promise<Queried> {
  const log = openLog({ name: 'status', level: 'silent' })
  const attempt = async <T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await within(work())
    } catch (error) {
      complain(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      return otherwise
    }
  }
  // While it starts there may be no server yet, and an empty URL would mean somebody else's.
  if (report.urls.postgres === '' || report.urls.redis === '') return { ...empty, memory: unasked }
  await using database = openDatabase({ url: report.urls.postgres, name: 'status', log, max: 2 })
  const [tools, record, streams] = await Promise.all([
    Promise.all(report.tools.map((tool) => askTool(tool, { report, database, complain }))),
    attempt('postgres', () => askRecord(database), { ...nothing, isRefused: true }),
    attempt('redis', () => askStreams(report, log), []),
  ])
  const { isRefused, ...counted } = record
  const memory = await askMemory(report, isRefused)
  return { ...Queried.parse({ ...counted, tools, streams }), memory }
}

const nothing = {
  tasks: {},
  turns: [],
  effects: {},
  fence: [],
  kill: [],
  paused: [],
  dead: 0,
}
const empty = { ...nothing, tools: [], streams: [] }
/** Nobody can say how the memory is. */
const unasked = { backend: 'none', degraded: false }

type RecordAnswer = {
  tasks: Readonly<Record<string, number>>
  effects: Readonly<Record<string, number>>
  fence: StatusReport['fence']
  kill: StatusReport['kill']
  paused: StatusReport['paused']
  turns: StatusReport['turns']
  dead: number
  /** Whether the memory has refused anything that waits for it. */
  isRefused: boolean
}

async function askRecord(database: Database): Promise<RecordAnswer> {
  const [counts, fences, levels, paused, dead, turns, posted] = await Promise.all([
    countRecord(database),
    readFences(database),
    readKill(database),
    listPaused(database),
    countLetters(database),
    listTurns(database),
    countPosted(database),
  ])
  const fence = fences.map(({ scope, epoch, stopped }) => ({ scope, epoch, stopped }))
  const kill = [...levels.values()]
    .filter(({ level }) => level > 0)
    .map(({ scope, level, reason, auto, changedAt }) => {
      const name = KILL_LEVELS[level] ?? 'SHUTDOWN'
      return { scope, level, name, reason, auto, changed_at: changedAt.toISOString() }
    })
  return { ...counts, fence, kill, paused, dead, turns, isRefused: posted.isRefused }
}

async function askStreams(
  report: StackReport,
  log: ReturnType<typeof openLog>,
): Promise<StatusReport['streams']> {
  await using redis = await openRedis({ url: report.urls.redis, name: 'status', log })
  const states = await inspectStreams({ redis })
  return states.map(({ name, group, lag, pending }) => ({ name, group, lag, pending }))
}

/** What the tool server says of itself; of one that is away, what the record saw of it last. */
async function askTool(
  tool: StackReport['tools'][number],
  options: {
    report: StackReport
    database: Database
    complain: (sentence: string) => void
  },
): Promise<Tool> {
  const { name, account, pid, url, backend } = tool
  const { controlToken } = stateDirPaths(options.report.state_dir).keyFiles
  const token = (await readFile(controlToken, 'utf8')).trim()
  try {
    const status: ToolStatus = await within(openToolControl({ url, token }).status())
    const { state, reason, grants, ledger } = status
    const shown = { name, account, pid, url, backend, grants, state, ledger }
    return reason === undefined ? shown : { ...shown, reason }
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    options.complain(`${name}: ${tool.reason ?? fault}`)
    const [last] = await within(listBoots(options.database, { account, limit: 1 })).catch(() => [])
    return {
      name,
      account,
      pid,
      url,
      backend,
      grants: 'required',
      state: 'closed',
      reason: tool.reason ?? 'does not answer',
      ledger: {
        id: last?.ledgerId ?? '',
        boot: last?.boot ?? '',
        seq: last?.seq ?? 0,
        path: tool.ledger,
      },
    }
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)),
    ANSWER_WITHIN_MS,
  )
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
