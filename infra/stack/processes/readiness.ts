import { request } from 'node:http'

/** How a process shows that it is up. */
export type Readiness =
  /** Its health server answers 200. */
  | Readonly<{ kind: 'http'; url: string }>
  /** It wrote a line with these words since it was started. */
  | Readonly<{ kind: 'log'; words: string }>

const ANSWER_WITHIN_MS = 1000

/** Never throws: no answer is no readiness. */
export async function askReady(readiness: Readiness, sawWords: boolean): Promise<boolean> {
  if (readiness.kind === 'log') return sawWords
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
