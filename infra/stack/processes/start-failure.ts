import { RetryableError, TerminalError, type ChimeraError } from '@chimera/contracts/errors'

/** A process that did not come up, with its own last words. */
export function startFailure(options: {
  name: string
  what: string
  lastLines: readonly string[]
  isConfigFault?: boolean
}): ChimeraError {
  const words = options.lastLines.slice(-8).map((line) => `\n    ${line}`)
  const said = words.length === 0 ? '' : ` Its last lines:${words.join('')}`
  const message = `${options.name} ${options.what}.${said}`
  return options.isConfigFault === true
    ? new TerminalError('CONFIG_INVALID', message)
    : new RetryableError('UNAVAILABLE', message)
}
