/**
 * What a process of a test gets of this one's environment: enough to start, and to start without
 * stripping types again. Nothing else: the product refuses what it does not know.
 */
export function machineEnvironment(): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) }
}
