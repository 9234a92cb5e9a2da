import { request } from 'node:http'

import type { LogReadiness } from './log-follower.ts'

/** How a process shows that it is up: its health server answers 200, or it says so in its log. */
export type Readiness = Readonly<{ kind: 'http'; url: string }> | LogReadiness

const ANSWER_WITHIN_MS = 1000

/** Never throws: no answer is no readiness. */
export async function askReady(readiness: Readiness, isReadyByLog: boolean): Promise<boolean> {
  if (readiness.kind === 'log') return isReadyByLog
  return new Promise<boolean>((resolve) => {
    const asked = request(
      readiness.url,
      { agent: false, timeout: ANSWER_WITHIN_MS },
      (response) => {
        response.resume()
        resolve(response.statusCode === 200)
      },
    )
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
    asked.end()
  })
}
