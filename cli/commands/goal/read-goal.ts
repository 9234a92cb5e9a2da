import { readFileSync } from 'node:fs'

import { CliExit, EXIT } from '../../exit-codes.ts'

export type GoalOptions = Readonly<{
  file?: string
  id?: string
  agent?: string
  mode?: string
  urgency?: number
  importance?: number
}>

/** Standard input. */
const STDIN = 0
/** As much as the gateway takes. */
const MAX_BYTES = 256 * 1024

/**
 * The goal of the command line: words, or a JSON file (`-`: standard input); options win over it.
 */
export function readGoal(text: string | undefined, options: GoalOptions): Record<string, unknown> {
  const { file, id, agent, mode, urgency, importance } = options
  if ((text === undefined) === (file === undefined)) {
    throw new CliExit(EXIT.usage, 'Say the goal in words, or name a JSON file with --file.')
  }
  return {
    ...(file === undefined ? { text } : readFile(file)),
    ...(id === undefined ? {} : { id }),
    ...(agent === undefined ? {} : { agent_id: agent }),
    ...(mode === undefined ? {} : { mode }),
    ...(urgency === undefined ? {} : { urgency }),
    ...(importance === undefined ? {} : { importance }),
  }
}

function readFile(file: string): Record<string, unknown> {
  let goal: unknown
  try {
    const bytes = readFileSync(file === '-' ? STDIN : file)
    if (bytes.length > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`)
    goal = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliExit(EXIT.usage, `${file} could not be read as JSON: ${reason}`)
  }
  if (typeof goal === 'object' && goal !== null && !Array.isArray(goal)) return { ...goal }
  throw new CliExit(EXIT.usage, `${file} holds no JSON object.`)
}
