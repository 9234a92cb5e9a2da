import type { ServerContext } from '@modelcontextprotocol/server'

import type { ReportProgress } from './call-context.ts'

/** A client that hears nothing gives up; most wait for a minute. */
const BEAT_MS = 2_000

/** Reports of one call, until it is disposed of. */
export type CallProgress = Disposable & Readonly<{ report: ReportProgress }>

/**
 * Sends `notifications/progress` for a call whose client gave a token, and a sign of life every two
 * seconds. Progress only rises (MCP, basic/utilities/progress); a report that would not is a sign
 * of life. What cannot be sent is lost: the result is what counts.
 */
export function openProgress({ mcpReq }: ServerContext): CallProgress {
  const { _meta: meta } = mcpReq
  const progressToken = meta?.progressToken
  if (progressToken === undefined) return { report: () => {}, [Symbol.dispose]: () => {} }
  let last = 0
  const report: ReportProgress = ({ progress, total, message }) => {
    last = progress > last ? progress : last + SIGN_OF_LIFE
    const params = {
      progressToken,
      progress: last,
      ...(total === undefined ? {} : { total }),
      ...(message === undefined ? {} : { message }),
    }
    mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined)
  }
  const beat = setInterval(() => report({ progress: 0, message: 'still at it' }), BEAT_MS)
  return { report, [Symbol.dispose]: () => clearInterval(beat) }
}

/** Small beside any step that a tool counts in. */
const SIGN_OF_LIFE = 0.001
