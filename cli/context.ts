/** What a command knows of the outside: nothing else reads the environment or writes. */
export type CliContext = Readonly<{
  env: Readonly<Record<string, string | undefined>>
  /** Data, a line at a time. */
  out: (line: string) => void
  /** Everything that is not data, a line at a time. */
  err: (line: string) => void
}>
