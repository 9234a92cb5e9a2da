import type { Accounts } from './accounts.ts'
import { answerRead, type Decision, endAccepted, endEarly, refuse, type User } from './decision.ts'
import type { Faults } from './faults.ts'
import { parsePostRequest, PostRequest } from './post-request.ts'
import type { Posts } from './posts.ts'
import {
  type Answer,
  APP_ONLY,
  DUPLICATE,
  forbidden,
  invalidRequest,
  NOT_FOUND,
  RATE_LIMITED,
  UNAUTHORIZED,
} from './problems.ts'
import type { openRateLimit } from './rate-limit.ts'
import { readMentionsPage, readTimelinePage, renderFound } from './read-posts.ts'
import { renderTweet } from './render-tweet.ts'
import { KEPT_S, parseUpload, type Uploads } from './uploads.ts'

/** What `POST /__control` sets for all requests. */
export type Settings = { duplicateCheck: boolean; timelineDelayMs: number; postLimit: number }

/** A whole request, read and parsed; `body` is undefined when there was none. */
export type ApiRequest = {
  readonly method: string
  readonly url: URL
  readonly authorization: string | undefined
  readonly body: unknown
}

/** The parts of the simulated X; each is in the file of its name. */
export type ApiParts = {
  readonly accounts: Accounts
  readonly posts: Posts
  readonly uploads: Uploads
  readonly faults: Faults
  readonly rateLimit: ReturnType<typeof openRateLimit>
  readonly nextId: () => string
  readonly settings: Settings
  readonly now: () => number
}

/** Decides one request in one synchronous step. What it accepts, it has done. */
export function decideRequest(request: ApiRequest, parts: ApiParts): Decision {
  const { method, url } = request
  const sender = parts.accounts.identify({ method, url, authorization: request.authorization })
  if (sender.kind === 'nobody') return refuse('unknown', UNAUTHORIZED)
  if (sender.kind === 'app') return refuse('app', APP_ONLY)
  const ofUser = { ...parts, sender }
  const { route, id } = routeOf(method, url.pathname)
  switch (route) {
    case 'POST /2/tweets':
      return decidePost(request, ofUser)
    case 'POST /2/media/upload':
      return decideUpload(request, ofUser)
    case 'DELETE /2/tweets/:id':
      return decideDelete(id, ofUser)
    case 'GET /2/tweets/:id':
      return decideLookup(id, request, ofUser)
    case 'GET /2/users/me': {
      const { account, userId } = sender
      return answerRead(sender, {
        status: 200,
        body: { data: { id: userId, name: account, username: account } },
      })
    }
    case 'GET /2/users/:id/tweets':
      return decideTimeline(id, request, ofUser)
    case 'GET /2/users/:id/mentions':
      return decideMentions(id, request, ofUser)
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

type PartsOfUser = ApiParts & { readonly sender: User }

function decidePost(request: ApiRequest, parts: PartsOfUser): Decision {
  const { posts, faults, settings, sender } = parts
  const { account, userId } = sender
  const said = PostRequest.pick({ text: true }).loose().safeParse(request.body)
  const target = { on: 'post', text: said.data?.text ?? '' } as const
  const early = endEarly(target, { ...parts, account })
  if (early) return early
  const { isAllowed, headers } = parts.rateLimit.take(account, settings.postLimit)
  if (!isAllowed) return refuse(account, { ...RATE_LIMITED, headers })
  const parsed = parsePostRequest(request.body)
  if (!parsed.isValid) return refuse(account, { ...parsed.answer, headers })
  const media = parsed.post.media?.media_ids ?? []
  if (!media.every((id) => parts.uploads.mayPost(id, account))) {
    return refuse(account, { ...invalidRequest('Your media IDs are invalid.'), headers })
  }
  const post = { account, request: parsed.post }
  if (settings.duplicateCheck && posts.hasDuplicate(post)) {
    return refuse(account, { ...DUPLICATE, headers })
  }
  const stored = { ...post, id: parts.nextId() }
  posts.add(stored)
  const data = renderTweet(stored, { userId, fields: new Set() })
  const answer: Answer = { status: 201, body: { data }, headers }
  return endAccepted({ account, id: stored.id, answer }, target, faults)
}

function decideUpload({ body }: ApiRequest, parts: PartsOfUser): Decision {
  const { account } = parts.sender
  const parsed = parseUpload(body)
  const summary = parsed.isValid ? parsed.summary : undefined
  const recorded = summary ?? 'not an image that X takes'
  const target = { on: 'upload', text: summary?.sha256 ?? '' } as const
  const early = endEarly(target, { ...parts, account })
  if (early) return { ...early, recorded }
  if (!parsed.isValid) return { ...refuse(account, parsed.answer), recorded }
  const id = parts.nextId()
  parts.uploads.add(id, { account, atMs: parts.now() })
  const data = { id, media_key: `3_${id}`, size: summary?.bytes, expires_after_secs: KEPT_S }
  const answer: Answer = { status: 200, body: { data } }
  return endAccepted({ account, id, answer, recorded }, target, parts.faults)
}

function decideDelete(id: string, parts: PartsOfUser): Decision {
  const { posts, sender, faults } = parts
  const { account } = sender
  const target = { on: 'delete', text: id } as const
  const early = endEarly(target, { ...parts, account })
  if (early) return early
  const post = posts.find(id)
  if (!post) return refuse(account, NOT_FOUND)
  if (post.account !== account) {
    return refuse(account, forbidden('You are not authorized to delete this Tweet.'))
  }
  posts.remove(id)
  const answer: Answer = { status: 200, body: { data: { deleted: true } } }
  return endAccepted({ account, id, answer }, target, faults)
}

function decideLookup(id: string, request: ApiRequest, parts: PartsOfUser): Decision {
  const { sender, posts } = parts
  const early = endEarly({ on: 'lookup', text: id }, { ...parts, account: sender.account })
  return early ?? answerRead(sender, renderFound(id, request.url, posts))
}

function decideTimeline(id: string, request: ApiRequest, parts: PartsOfUser): Decision {
  const { sender, posts, settings, now } = parts
  const early = endEarly({ on: 'timeline', text: '' }, { ...parts, account: sender.account })
  if (early) return early
  // Timelines of other users are not simulated.
  if (id !== sender.userId) return refuse(sender.account, NOT_FOUND)
  const visibleUntilMs = now() - settings.timelineDelayMs
  return answerRead(sender, readTimelinePage(request.url, { sender, posts, visibleUntilMs }))
}

function decideMentions(id: string, request: ApiRequest, parts: PartsOfUser): Decision {
  const { sender, posts } = parts
  const early = endEarly({ on: 'mentions', text: '' }, { ...parts, account: sender.account })
  if (early) return early
  if (id !== sender.userId) return refuse(sender.account, NOT_FOUND)
  return answerRead(sender, readMentionsPage(request.url, { posts }))
}
