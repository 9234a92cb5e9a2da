import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { ToolStatus } from '@chimera/contracts/tool-control'
import { checkoutRoot } from '@chimera/infra/stack/state-dir'
import { TestJudge } from '@chimera/mcp-kit/testing/test-judge'
import { z } from 'zod'

import { endProcess, openLineProcess } from '../processes/line-process.ts'
import { ACCOUNT, NOOP, TOKEN } from './noop.ts'

/** A tool server of the product, and the Judge who grants what is asked of it. */
export type GrantedServer = AsyncDisposable &
  Readonly<{
    url: string
    pid: number
    /** Commits of the ledger so far. */
    commits: () => Promise<number>
    /** As many grants as it takes, each for an effect of its own. */
    grant: (n: number) => Promise<string[]>
  }>

const Ready = z.object({ url: z.url() })
const READY_MS = 20_000
const END_MS = 10_000

export async function openGrantedServer(of: {
  folder: string
  env: Readonly<Record<string, string | undefined>>
}): Promise<GrantedServer> {
  const judge = new TestJudge(of.folder)
  const keyFile = path.join(of.folder, 'receipt.jwk')
  writeFileSync(keyFile, JSON.stringify(judge.receiptKey.jwk))
  const ready = Promise.withResolvers<string>()
  const child = openLineProcess({
    command: process.execPath,
    args: [path.join(checkoutRoot(), 'bench/tool-call/granted/main.ts')],
    cwd: of.folder,
    env: {
      ...of.env,
      TOOL_ACCOUNT: ACCOUNT,
      TOOL_PORT: '0',
      TOOL_LEDGER: path.join(of.folder, 'ledger.sqlite'),
      GRANTS: 'required',
      GRANT_JWKS_FILE: judge.jwksFile,
      RECEIPT_KEY_FILE: keyFile,
      TOOL_TOKEN: TOKEN,
      TOOL_CONTROL_TOKEN: TOKEN,
      CHIMERA_STATE_DIR: of.folder,
      HEALTH_PORT: '0',
    },
    onLine: (line) => {
      if (line.includes('"ready":true')) ready.resolve(Ready.parse(JSON.parse(line)).url)
    },
  })
  const late = setTimeout(() => ready.reject(new Error('It was not ready.')), READY_MS)
  void child.ended.then(() => ready.reject(new Error(`It ended: ${child.lastWords()}`)))
  const url = await ready.promise
  clearTimeout(late)
  const control = async (route: string, body?: object): Promise<ToolStatus> => {
    const response = await fetch(`${url}/control/${route}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return ToolStatus.parse(await response.json())
  }
  const status = await control('status')
  await control('hello', { hello: await judge.hello(status) })
  return {
    url,
    pid: child.pid ?? 0,
    commits: async () => (await control('status')).ledger.seq,
    grant: async (n) => {
      const args = { text: NOOP.text }
      const claims = Array.from({ length: n }, () =>
        judge.claims(status, { tool: NOOP.name, args }),
      )
      return Promise.all(claims.map(async (each) => judge.sign('grant', each)))
    },
    [Symbol.asyncDispose]: async () => endProcess(child, () => child.kill('SIGTERM'), END_MS),
  }
}
