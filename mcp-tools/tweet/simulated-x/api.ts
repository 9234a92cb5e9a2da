import type { SimulatedRequest } from '@chimera/contracts/observable'

import type { Accounts, Sender } from './accounts.ts'
import type { FaultAfter, FaultBefore, Faults } from './faults.ts'
import { parsePostRequest, PostRequest } from './post-request.ts'
import type { Posts } from './posts.ts'
import {
  type Answer,
  APP_ONLY,
  DUPLICATE,
  forbidden,
  NOT_FOUND,
  RATE_LIMITED,
  UNAUTHORIZED,
  UNAVAILABLE,
} from './problems.ts'
import type { openRateLimit } from './rate-limit.ts'
import { readTimelinePage, renderFound } from './read-posts.ts'
import { renderTweet } from './render-tweet.ts'

/** What `POST /__control` sets for all requests. */
export type Settings = { duplicateCheck: boolean; timelineDelayMs: number; postLimit: number }

/** A whole request, read and parsed; `body` is undefined when there was none. */
export type ApiRequest = {
  readonly method: string
  readonly url: URL
  readonly authorization: string | undefined
  readonly body: unknown
}

/** What is done with a request: what the record says, and how its sender learns of it. */
export type Decision = {
  readonly account: string
  readonly outcome: SimulatedRequest['outcome']
  readonly answer: Answer
  /** `cut` closes the connection and `hang` leaves it open, both without a byte of answer. */
  readonly delivery: 'answer' | 'cut' | 'hang'
  readonly id?: string
}

/** The parts of the simulated X; each is in the file of its name. */
export type ApiParts = {
  readonly accounts: Accounts
  readonly posts: Posts
  readonly faults: Faults
  readonly rateLimit: ReturnType<typeof openRateLimit>
  readonly nextId: () => string
  readonly settings: Settings
  readonly now: () => number
}

/** Decides one request in one synchronous step. What it accepts, it has posted. */
export function decideRequest(request: ApiRequest, parts: ApiParts): Decision {
  const { method, url } = request
  const sender = parts.accounts.identify({ method, url, authorization: request.authorization })
  if (sender.kind === 'nobody') return refuse('unknown', UNAUTHORIZED)
  if (sender.kind === 'app') return refuse('app', APP_ONLY)
  const { route, id } = routeOf(method, url.pathname)
  switch (route) {
    case 'POST /2/tweets':
      return decidePost(request, { ...parts, sender })
    case 'DELETE /2/tweets/:id':
      return decideDelete(id, { ...parts, sender })
    case 'GET /2/tweets/:id':
      return decideRead(sender, renderFound(id, url, parts.posts))
    case 'GET /2/users/me': {
      const { account, userId } = sender
      return decideRead(sender, {
        status: 200,
        body: { data: { id: userId, name: account, username: account } },
      })
    }
    case 'GET /2/users/:id/tweets':
      return decideTimeline(id, request, { ...parts, sender })
    default:
      return refuse(sender.account, NOT_FOUND)
  }
}

/** `/2/users/12/tweets` is the route `/2/users/:id/tweets` with the id 12. */
function routeOf(method: string, path: string): { route: string; id: string } {
  const [, resource, id = '', rest] = /^\/2\/(\w+)\/([0-9]{1,19})(\/.*)?$/u.exec(path) ?? []
  const pattern = resource === undefined ? path : `/2/${resource}/:id${rest ?? ''}`
  return { route: `${method} ${pattern}`, id }
}

type User = Extract<Sender, { kind: 'user' }>
type PartsOfUser = ApiParts & { readonly sender: User }

function decidePost(request: ApiRequest, parts: PartsOfUser): Decision {
  const { posts, faults, settings, sender } = parts
  const { account, userId } = sender
  const said = PostRequest.pick({ text: true }).loose().safeParse(request.body)
  const target = { on: 'post', text: said.data?.text ?? '' } as const
  const early = faults.takeBefore(target)
  if (early) return { account, outcome: 'refused', ...endEarly(early, parts) }
  const { isAllowed, headers } = parts.rateLimit.take(account, settings.postLimit)
  if (!isAllowed) return refuse(account, { ...RATE_LIMITED, headers })
  const parsed = parsePostRequest(request.body)
  if (!parsed.isValid) return refuse(account, { ...parsed.answer, headers })
  const post = { account, request: parsed.post }
  if (settings.duplicateCheck && posts.hasDuplicate(post)) {
    return refuse(account, { ...DUPLICATE, headers })
  }
  const stored = { ...post, id: parts.nextId() }
  posts.add(stored)
  const data = renderTweet(stored, { userId, fields: new Set() })
  const answer: Answer = { status: 201, body: { data }, headers }
  const accepted = {
    account,
    id: stored.id,
    answer,
    outcome: 'accepted',
    delivery: 'answer',
  } as const
  const fault = faults.takeAfter(target)
  return fault === undefined ? accepted : { ...accepted, ...LOST[fault] }
}

/** How the answer of an accepted post gets lost. */
const LOST: Record<FaultAfter, Partial<Decision>> = {
  cut: { outcome: 'cut', delivery: 'cut' },
  hang: { outcome: 'hung', delivery: 'hang' },
  '5xx_after': { answer: UNAVAILABLE },
}

function decideDelete(id: string, { posts, sender }: PartsOfUser): Decision {
  const post = posts.find(id)
  if (!post) return refuse(sender.account, NOT_FOUND)
  if (post.account !== sender.account) {
    return refuse(sender.account, forbidden('You are not authorized to delete this Tweet.'))
  }
  posts.remove(id)
  return { ...decideRead(sender, { status: 200, body: { data: { deleted: true } } }), id }
}

function decideTimeline(id: string, request: ApiRequest, parts: PartsOfUser): Decision {
  const { sender, posts, settings, now } = parts
  const early = parts.faults.takeBefore({ on: 'timeline', text: '' })
  if (early) return { account: sender.account, outcome: 'refused', ...endEarly(early, parts) }
  // Timelines of other users are not simulated.
  if (id !== sender.userId) return refuse(sender.account, NOT_FOUND)
  const answer = readTimelinePage(request.url, {
    sender,
    posts,
    visibleUntilMs: now() - settings.timelineDelayMs,
  })
  return decideRead(sender, answer)
}

/** How a fault ends a request that was not looked at. */
function endEarly(
  { fault, resetInMs }: { fault: FaultBefore; resetInMs: number },
  { now }: { now: () => number },
): Pick<Decision, 'answer' | 'delivery'> {
  if (fault !== '429') return ENDED[fault]
  const reset = String(Math.ceil((now() + resetInMs) / 1_000))
  const headers = { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': reset }
  return { answer: { ...RATE_LIMITED, headers }, delivery: 'answer' }
}

const ENDED: Record<Exclude<FaultBefore, '429'>, Pick<Decision, 'answer' | 'delivery'>> = {
  '5xx': { answer: UNAVAILABLE, delivery: 'answer' },
  '403_duplicate': { answer: DUPLICATE, delivery: 'answer' },
  reset_before: { answer: UNAVAILABLE, delivery: 'cut' },
  timeout_before: { answer: UNAVAILABLE, delivery: 'hang' },
}

function decideRead(sender: User, answer: Answer): Decision {
  const outcome = answer.status < 400 ? 'accepted' : 'refused'
  return { account: sender.account, outcome, answer, delivery: 'answer' }
}

function refuse(account: string, answer: Answer): Decision {
  return { account, outcome: 'refused', answer, delivery: 'answer' }
}
