import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { SimulatedRequest } from '@chimera/contracts/observable'
import { z } from 'zod'

import type { Control } from './faults.ts'

/** A model in a process of its own, as the roles meet it. */
export type ModelProcess = AsyncDisposable &
  Readonly<{
    /** For `LLM_BASE_URL`. */
    url: string
    tell: (control: z.input<typeof Control>) => Promise<void>
    /** What it was asked, oldest first. */
    calls: () => SimulatedRequest[]
  }>

const Hello = z.strictObject({ url: z.string(), control: z.string() })

export async function startModel(of: {
  mind: 'scripted' | 'obedient'
  recordPath: string
}): Promise<ModelProcess> {
  const { mind, recordPath } = of
  const main = join(import.meta.dirname, 'main.ts')
  const child = spawn(process.execPath, [main, mind, recordPath], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exited.then(([code]) => {
      throw new Error(`The model ended with ${String(code)}.`)
    }),
  ])
  const { url, control } = Hello.parse(JSON.parse(String(line)))
  return {
    url,
    tell: async (told) => {
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify(told)
      const answer = await fetch(control, { method: 'POST', headers, body })
      if (!answer.ok) throw new Error(`The model would not: ${await answer.text()}`)
    },
    calls: () => {
      if (!existsSync(recordPath)) return []
      const lines = readFileSync(recordPath, 'utf8').split('\n')
      return lines
        .filter((text) => text !== '')
        .map((text) => SimulatedRequest.parse(JSON.parse(text)))
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await exited
    },
  }
}
