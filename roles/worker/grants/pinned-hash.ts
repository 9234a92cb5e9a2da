/** The hash that the record pinned for a tool, out of `tool_accounts.definitions`. */
export function pinnedHash(definitions: unknown, tool: string): string | undefined {
  if (typeof definitions !== 'object' || definitions === null) return undefined
  const found = Object.entries(definitions).find(([name]) => name === tool)
  const hash: unknown = found?.[1]
  return typeof hash === 'string' ? hash : undefined
}
