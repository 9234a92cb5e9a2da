import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { SimulatedRequest } from '@chimera/contracts/observable'
import type { Network, Post } from '@chimera/mcp-tweet/network/network'
import { fixedToken } from '@chimera/mcp-tweet/network/oauth2-token'
import { simulatedNetwork } from '@chimera/mcp-tweet/network/simulated-network'
import { xNetwork } from '@chimera/mcp-tweet/network/x-network'
import type { Control } from '@chimera/mcp-tweet/simulated-x/faults'
import { openSimulatedX, type SimulatedX } from '@chimera/mcp-tweet/simulated-x/open-simulated-x'

import { sendPost } from './send-post.ts'

const OAUTH1 = {
  consumerKey: 'consumer key+/=',
  consumerSecret: "consumer secret !'()*",
  token: '12-user',
  tokenSecret: 'token&secret',
}
const BEARER = 'user-token'
export const APP_TOKEN = 'app-token'

/** How each implementation is opened against one simulated X. */
export const IMPLEMENTATIONS = {
  'simulated network': (baseUrl) => simulatedNetwork({ baseUrl, token: BEARER, ...FAST }),
  'x by OAuth 1.0a': (baseUrl) =>
    xNetwork({ baseUrl, credentials: { kind: 'oauth1', ...OAUTH1 }, ...FAST }),
  'x by OAuth 2.0': (baseUrl) =>
    xNetwork({ baseUrl, credentials: { kind: 'oauth2', token: fixedToken(BEARER) }, ...FAST }),
} satisfies Record<string, (baseUrl: string) => Network>

const FAST = { readDeadlineMs: 400 }

/** One simulated X on loopback, told to fail and asked for its record. */
export type Rig = AsyncDisposable & {
  readonly x: SimulatedX
  readonly control: (control: Control) => Promise<unknown>
  readonly record: () => SimulatedRequest[]
  /** The posts that it accepted, whatever their senders heard. */
  readonly accepted: () => SimulatedRequest[]
  /** Ends the process's life and begins the next one on the same record. */
  readonly restart: () => Promise<void>
}

export async function openRig(): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'simulated-x-'))
  const recordPath = join(folder, 'simulated', 'x.jsonl')
  const open = () =>
    openSimulatedX({
      port: 0,
      recordPath,
      accounts: [{ account: 'default', bearerToken: BEARER, oauth1: OAUTH1 }],
      appTokens: [APP_TOKEN],
    })
  let x = await open()
  const record = () =>
    readFileSync(recordPath, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => SimulatedRequest.parse(JSON.parse(line)))
  const control = async (body: Control) => {
    const response = await fetch(`${x.url}/__control`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(await response.text())
    return response.json()
  }
  return {
    get x() {
      return x
    },
    control,
    record,
    accepted: () =>
      record().filter(({ method, path, outcome }) => {
        return method === 'POST' && path === '/2/tweets' && outcome !== 'refused'
      }),
    restart: async () => {
      await x.close()
      x = await open()
    },
    [Symbol.asyncDispose]: async () => {
      await x.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** A post with nothing special but its text. */
export function plainPost(text: string, rest: Partial<Post> = {}): Post {
  return { text, mediaIds: [], isAiLabeled: true, ...rest }
}

/** Sends one post and says what the network makes of the answer; a lost answer is `unknown`. */
export async function tryPost(
  network: Network,
  post: Post,
  deadlineMs?: number,
): Promise<ReturnType<Network['classify']>> {
  const sent = await sendPost(network.prepare(post), deadlineMs)
  if (sent.outcome === 'lost') return { outcome: 'unknown', detail: sent.reason }
  return network.classify(sent.response)
}

/** The smallest thing that is a PNG to whoever looks at its first bytes; `n` makes it another. */
export const picture = (n: number): Buffer =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(`picture ${n}`)])

/** Uploads one picture and says what the network makes of the answer. */
export async function tryUpload(
  network: Network,
  bytes: Buffer,
  deadlineMs?: number,
): Promise<ReturnType<Network['classifyUpload']>> {
  const sent = await sendPost(network.prepareUpload({ bytes, type: 'image/png' }), deadlineMs)
  if (sent.outcome === 'lost') return { outcome: 'unknown', detail: sent.reason }
  return network.classifyUpload(sent.response)
}

/** The ids of so many pictures that X holds. */
export async function uploaded(network: Network, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n += 1) {
    const verdict = await tryUpload(network, picture(n))
    if (verdict.outcome !== 'uploaded') throw new Error(`not uploaded: ${verdict.detail}`)
    ids.push(verdict.mediaId)
  }
  return ids
}

/** Deletes one post and says what the network makes of the answer. */
export async function tryRemoval(
  network: Network,
  id: string,
  deadlineMs?: number,
): Promise<ReturnType<Network['classifyRemoval']>> {
  const sent = await sendPost(network.prepareRemoval(id), deadlineMs)
  if (sent.outcome === 'lost') return { outcome: 'unknown', detail: sent.reason }
  return network.classifyRemoval(sent.response, id)
}
