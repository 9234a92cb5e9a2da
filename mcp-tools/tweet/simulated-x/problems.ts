/** An answer before it is sent: `headers` beside those that every answer has. */
export type Answer = {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const PROBLEMS = 'https://api.twitter.com/2/problems'

/** What X answers to content that this account posted within a day, word for word. */
export const DUPLICATE: Answer = {
  status: 403,
  body: {
    detail: 'You are not allowed to create a Tweet with duplicate content.',
    type: 'about:blank',
    title: 'Forbidden',
    status: 403,
  },
}

export const UNAUTHORIZED: Answer = {
  status: 401,
  body: { title: 'Unauthorized', type: 'about:blank', status: 401, detail: 'Unauthorized' },
}

export const APP_ONLY: Answer = {
  status: 403,
  body: {
    title: 'Unsupported Authentication',
    detail:
      'Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint. ' +
      'Supported authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].',
    type: `${PROBLEMS}/unsupported-authentication`,
    status: 403,
  },
}

export const NOT_FOUND: Answer = {
  status: 404,
  body: { title: 'Not Found', type: 'about:blank', status: 404, detail: 'Not Found' },
}

export const UNAVAILABLE: Answer = {
  status: 503,
  body: {
    title: 'Service Unavailable',
    detail: 'Service Unavailable',
    type: 'about:blank',
    status: 503,
  },
}

export const RATE_LIMITED: Answer = {
  status: 429,
  body: {
    title: 'Too Many Requests',
    detail: 'Too Many Requests',
    type: 'about:blank',
    status: 429,
  },
}

export function forbidden(detail: string): Answer {
  return { status: 403, body: { detail, type: 'about:blank', title: 'Forbidden', status: 403 } }
}

export function invalidRequest(message: string): Answer {
  return {
    status: 400,
    body: {
      errors: [{ message }],
      title: 'Invalid Request',
      detail: 'One or more parameters to your request was invalid.',
      type: `${PROBLEMS}/invalid-request`,
    },
  }
}
