import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

import { serveAlone } from '@chimera/infra/stack/serve-alone'
import { findStateDir } from '@chimera/infra/stack/state-dir'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { plain } from '../../terminal-text.ts'

export type ServeOptions = Readonly<{ stdio?: boolean; http?: boolean; port?: number }>

const Ready = z.looseObject({ ready: z.literal(true), url: z.string() })

/**
 * Serves one tool server to an MCP client, until it closes its end or asks to stop: on standard
 * input and output, where nothing else is written, or over HTTP on loopback, whose address is
 * printed. The exit code is the server's.
 */
export async function serveTool(
  name: string,
  options: ServeOptions,
  context: CliContext,
): Promise<void> {
  if ((options.stdio === true) === (options.http === true)) {
    throw new CliExit(EXIT.usage, 'Say how: --stdio or --http.')
  }
  await using server = await serveAlone({
    name,
    stateDir: findStateDir(context.env),
    env: context.env,
    log: (sentence) => context.err(plain(sentence)),
  })
  const { spec, servedAt } = server
  const isHttp = options.http === true
  if (isHttp && servedAt !== undefined) {
    context.err('The stack that runs here serves it already.')
    return context.out(`${servedAt}/mcp`)
  }
  const port = options.port === undefined ? {} : { TOOL_PORT: String(options.port) }
  const child = spawn(spec.command, [...spec.args, ...(isHttp ? [] : ['--stdio'])], {
    cwd: spec.cwd,
    env: { ...spec.env, ...port },
    stdio: ['inherit', isHttp ? 'pipe' : 'inherit', 'inherit'],
  })
  if (child.stdout !== null) printReady(child.stdout, context)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal))
  }
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.on('error', reject)
  child.on('exit', (code) => resolve(code ?? EXIT.failed))
  const code = await promise
  if (code !== 0) throw new CliExit(code)
}

/** The log goes to standard error; of it the address alone is for whoever asked. */
function printReady(stdout: NodeJS.ReadableStream, context: CliContext): void {
  createInterface({ input: stdout }).on('line', (line) => {
    const ready = Ready.safeParse(jsonOf(line))
    if (ready.success) context.out(`${ready.data.url}/mcp`)
    context.err(line)
  })
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
