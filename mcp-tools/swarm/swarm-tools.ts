import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { canonicalJson } from '@chimera/contracts/canonical'
import { DeniedError, RetryableError } from '@chimera/contracts/errors'
import { GoalStatus, MAX_GOAL_TEXT, Mode } from '@chimera/contracts/goal'
import { AgentId, GoalId } from '@chimera/contracts/ids'
import { GoalPosted, GoalSummary, GoalView } from '@chimera/contracts/observable'
import { SWARM_TOOLS } from '@chimera/contracts/tools'
import {
  defineReadTool,
  type Reading,
  type ServedReadTool,
} from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import type { GatewayApi } from './gateway-api.ts'
import { briefOf, GoalBrief, GoalShown, isOver, progressOf, shownOf } from './goal-views.ts'
import { listApprovals } from './list-approvals.ts'

/** Whoever waits longer asks again: a call that hangs for an hour is lost with any connection. */
const MAX_WAIT_MS = 600_000
/** Most goals are over in a second; those that are not take a while. */
const LOOKS = { firstMs: 150, laterMs: 1_000, firstLooks: 20 } as const
/** What the scope `swarm:live` is for. */
const LIVE_SCOPE = 'swarm:live'

const waitMs = z
  .int()
  .min(0)
  .max(MAX_WAIT_MS)
  .optional()
  .describe('wait so long for its end, with progress on the way; 0 when absent')
const goalId = GoalId.describe('id of the goal')

const Word = z.string().max(MAX_GOAL_TEXT)
const Param = z.union([Word, z.number(), z.boolean(), z.array(Word).max(64)])

const shown = {
  goal: GoalShown,
  url: z.string().describe('the goal at the API of the swarm'),
}

/** The tools of the swarm; `gateway` is asked with one token for all callers. */
export function swarmTools(gateway: GatewayApi): readonly ServedReadTool[] {
  return [
    submitGoal(gateway),
    getGoal(gateway),
    listGoals(gateway),
    cancelGoal(gateway),
    listApprovals(gateway),
  ]
}

function submitGoal(gateway: GatewayApi): ServedReadTool {
  return defineReadTool({
    name: 'submit_goal',
    title: 'Hand a goal to the swarm',
    description:
      'Gives the swarm a goal in words, such as "publish a tweet: hello". It is planned, judged ' +
      'and done by agents; what happens in the world is granted one by one and happens once. ' +
      'The same id and words again are the same goal; without an id the same words ' +
      'are it for three days.',
    scope: SWARM_TOOLS.submit_goal.scope,
    hints: { readOnlyHint: false, openWorldHint: true },
    input: {
      text: z
        .string()
        .min(1)
        .max(MAX_GOAL_TEXT)
        .optional()
        .describe('the goal, in the words of its owner'),
      kind: z.string().max(64).optional().describe('instead of words: such as tweet.post'),
      params: z
        .record(z.string().max(64), Param)
        .optional()
        .describe('of the kind: such as {"text": "hello", "media_ids": ["sha256:..."]}'),
      id: GoalId.optional().describe('an id of your own, the same when you try again'),
      agent_id: AgentId.optional().describe('which agent is to do it'),
      mode: Mode.optional().describe(
        'dry touches nothing, paper (when absent) simulations only, live the real world and money',
      ),
      max_cost_usd: z.number().positive().max(1_000_000).optional(),
      wait_ms: waitMs,
    },
    output: { id: GoalId, goal_status: GoalStatus, ...shown },
    read: async ({ wait_ms: wait = 0, ...goal }, reading) => {
      if (goal.mode === 'live') requireLive(reading)
      const { id, status } = GoalPosted.parse(
        await gateway.post('/v1/goals', {
          body: goal,
          key: keyOf(goal, reading),
          signal: reading.signal,
        }),
      )
      const posted = { id, goal_status: status, url: linkTo(gateway, id) }
      if (wait === 0) return posted
      const seen = await waitFor({ gateway, id, waitMs: wait, reading })
      return { ...posted, goal_status: seen.status, goal: shownOf(seen, posted.url) }
    },
  })
}

function getGoal(gateway: GatewayApi): ServedReadTool {
  return defineReadTool({
    name: 'get_goal',
    title: 'Look at a goal',
    description:
      'What a goal has come to: its status, what it waits for, its tasks, and its effects with ' +
      "the provider's ids. Waits for its end when asked to.",
    scope: SWARM_TOOLS.get_goal.scope,
    input: { id: goalId, wait_ms: waitMs },
    output: shown,
    read: async ({ id, wait_ms: wait = 0 }, reading) => {
      const url = linkTo(gateway, id)
      return { goal: shownOf(await waitFor({ gateway, id, waitMs: wait, reading }), url), url }
    },
  })
}

const Page = z.object({ goals: z.array(GoalSummary), next_cursor: z.string().nullable() })

function listGoals(gateway: GatewayApi): ServedReadTool {
  return defineReadTool({
    name: 'list_goals',
    title: 'List goals',
    description: 'Goals of the swarm, the newest first.',
    scope: SWARM_TOOLS.list_goals.scope,
    input: {
      status: GoalStatus.optional(),
      limit: z.int().min(1).max(100).optional().describe('20 when absent'),
      cursor: z.string().min(1).max(1_000).optional().describe('`next_cursor` of the page before'),
    },
    output: { goals: z.array(GoalBrief).max(100), next_cursor: z.string() },
    read: async ({ status, limit = 20, cursor }, { signal }) => {
      const query = { status, limit: String(limit), cursor }
      const page = Page.parse(await gateway.get('/v1/goals', { query, signal }))
      return {
        goals: page.goals.map((goal) => briefOf(goal, linkTo(gateway, goal.id))),
        ...(page.next_cursor === null ? {} : { next_cursor: page.next_cursor }),
      }
    },
  })
}

function cancelGoal(gateway: GatewayApi): ServedReadTool {
  return defineReadTool({
    name: 'cancel_goal',
    title: 'Call a goal off',
    description:
      'Calls a goal off. What has happened already stays and is listed as `partial`; what is on ' +
      'its way is called back where that is still possible. Cannot be undone.',
    scope: SWARM_TOOLS.cancel_goal.scope,
    hints: { readOnlyHint: false, destructiveHint: true },
    input: { id: goalId },
    output: { id: GoalId, goal_status: GoalStatus, url: shown.url },
    read: async ({ id }, { signal }) => {
      const path = `${pathOf(id)}/cancel`
      const cancelled = GoalPosted.parse(await gateway.post(path, { signal }))
      return { id, goal_status: cancelled.status, url: linkTo(gateway, id) }
    },
  })
}

/**
 * The idempotency key of a goal without an id: the caller's own, else what it says. The gateway
 * keeps it for 72 hours; every caller shares one token there, so the caller is part of it.
 */
function keyOf(goal: Readonly<Record<string, unknown>>, reading: Reading): string {
  const { principal = '', idempotencyKey } = reading
  const said = idempotencyKey === undefined ? canonicalJson(goal) : `key ${idempotencyKey}`
  return `mcp-${createHash('sha256').update(`${principal}\n${said}`).digest('hex')}`
}

/** Real money and a real voice want a scope of their own. Absent scopes: the owner, on stdio. */
function requireLive({ scopes }: Reading): void {
  if (scopes === undefined || scopes.includes(LIVE_SCOPE)) return
  const message = `The token does not have the scope ${LIVE_SCOPE}, which a live goal needs.`
  throw new DeniedError('FORBIDDEN', message)
}

/** The goal at its end, or as it is when the wait is over. */
async function waitFor(of: {
  gateway: GatewayApi
  id: string
  waitMs: number
  reading: Reading
}): Promise<GoalView> {
  const { signal, progress } = of.reading
  const until = performance.now() + of.waitMs
  for (let looks = 1; ; looks += 1) {
    const goal = await lookPatiently(of, until)
    const leftMs = until - performance.now()
    if (isOver(goal) || leftMs <= 0 || signal?.aborted === true) return goal
    progress?.(progressOf(goal))
    const pauseMs = looks > LOOKS.firstLooks ? LOOKS.laterMs : LOOKS.firstMs
    await sleep(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => {})
  }
}

/** A gateway that is started again while somebody waits is no reason to give up. */
async function lookPatiently(
  { gateway, id, reading }: { gateway: GatewayApi; id: string; reading: Reading },
  until: number,
): Promise<GoalView> {
  const { signal } = reading
  for (;;) {
    try {
      return GoalView.parse(await gateway.get(pathOf(id), { signal }))
    } catch (error) {
      const isPassing = error instanceof RetryableError && signal?.aborted !== true
      if (!isPassing || performance.now() >= until) throw error
      await sleep(error.retryAfterMs ?? LOOKS.laterMs, undefined, { signal }).catch(() => {})
    }
  }
}

const pathOf = (id: string): string => `/v1/goals/${encodeURIComponent(id)}`
const linkTo = (gateway: GatewayApi, id: string): string => gateway.linkTo(pathOf(id))
