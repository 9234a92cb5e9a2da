const NAMES = ['log', 'info', 'debug', 'warn', 'error', 'trace'] as const

/**
 * From here on nothing is said by the console: what a package writes there would be read as MCP on
 * standard output, and may hold addresses and amounts wherever it goes.
 */
export function quietConsole(): void {
  for (const name of NAMES) {
    Object.defineProperty(globalThis.console, name, { value: () => undefined, configurable: true })
  }
}
