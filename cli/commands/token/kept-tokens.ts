import type { Command } from 'commander'

type Of = Readonly<{ json?: boolean; tenant?: string }>

/** What is done with tokens that were made, whoever they are for. */
type KeptTokens = Readonly<{
  list: (options: Of) => Promise<void>
  revoke: (idOrName: string, options: Of) => Promise<void>
}>

/** The option of commands that reach into another tenant. */
export const OF_TENANT = ['--tenant <id>', 'of another tenant than the default one'] as const

/** Adds `ls` and `revoke` to a command for tokens. */
export function registerKeptTokens(
  token: Command,
  of: Readonly<{ hasTenants: boolean; load: () => Promise<KeptTokens> }>,
): void {
  const list = token
    .command('ls')
    .description('tokens, newest first')
    .option('--json', 'print a JSON array')
    .action(async (options: Of) => (await of.load()).list(options))
  const revoke = token
    .command('revoke <id-or-name>')
    .description('refuse a token from the next request on')
    .option('--json', 'print JSON')
    .action(async (idOrName: string, options: Of) => (await of.load()).revoke(idOrName, options))
  if (!of.hasTenants) return
  list.option(...OF_TENANT)
  revoke.option(...OF_TENANT)
}
