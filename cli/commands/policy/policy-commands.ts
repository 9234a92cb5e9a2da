import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../option-values.ts'

const MAX_VERSION = 1_000_000_000
const MAX_DAYS = 366
const MAX_DECIMALS = 36

const version = wholeNumber({ least: 0, most: MAX_VERSION })

type Json = Readonly<{ json?: boolean }>

/** Adds `policy show|ls|lint|diff|apply|explain|simulate|evaluate|price`. */
export function registerPolicyCommands(program: Command, context: CliContext): void {
  const policy = program
    .command('policy')
    .description('what agents may do: show, check, try and replace the rules (docs/policy.md)')
  registerLooks(policy, context)
  registerChanges(policy, context)
  registerQuestions(policy, context)
  registerPrices(policy, context)
}

function registerLooks(policy: Command, context: CliContext): void {
  policy
    .command('show')
    .description('the policy in force, as it was written')
    .option('--version <n>', 'another version; 0 is the one that ships', version)
    .option('--action <action>', 'with --json: only the rules that may be about this action')
    .option('--json', 'print JSON')
    .action(async (options: Json & { version?: number; action?: string }) => {
      const { showPolicy } = await import('./show-policy.ts')
      await showPolicy(options, context)
    })
  policy
    .command('ls')
    .description('the versions that there have been, newest first')
    .option('--json', 'print JSON')
    .action(async (options: Json) => {
      const { listPolicies } = await import('./show-policy.ts')
      await listPolicies(options, context)
    })
}

function registerChanges(policy: Command, context: CliContext): void {
  policy
    .command('lint <file>')
    .description('is the file a policy, and is anything strange about it? Needs no stack')
    .option('--json', 'print JSON')
    .action(async (file: string, options: Json) => {
      const { lintFile } = await import('./check-file.ts')
      lintFile(file, options, context)
    })
  policy
    .command('diff <file>')
    .description('what the file would change')
    .option('--version <n>', 'compare with this version, not the one in force', version)
    .option('--json', 'print JSON')
    .action(async (file: string, options: Json & { version?: number }) => {
      const { diffFile } = await import('./check-file.ts')
      await diffFile(file, options, context)
    })
  policy
    .command('apply <file>')
    .description('put the file in force; exit 1 when a tool server could not be told')
    .option('--note <text>', 'why; kept with the version')
    .option('--expect <n>', 'only when this version is in force', version)
    .option('--json', 'print JSON')
    .action(async (file: string, options: Json & { note?: string; expect?: number }) => {
      const { applyFile } = await import('./apply-file.ts')
      await applyFile(file, options, context)
    })
}

function registerQuestions(policy: Command, context: CliContext): void {
  policy
    .command('explain [effect]')
    .description('how every rule came out for an effect of the past, or for a request')
    .option('--request <json>', 'an imagined request instead of an effect')
    .option('--version <n>', 'by this version', version)
    .option('--policy <file>', 'by this file')
    .option('--json', 'print JSON')
    .action(
      async (
        effect: string | undefined,
        options: Json & { request?: string; version?: number; policy?: string },
      ) => {
        const { explainDecision } = await import('./explain-decision.ts')
        await explainDecision(effect, options, context)
      },
    )
  policy
    .command('simulate <file>')
    .description("last month's decisions, decided again by the file")
    .option('--days <n>', 'so many days', wholeNumber({ least: 1, most: MAX_DAYS }), 31)
    .option('--json', 'print JSON')
    .action(async (file: string, options: Json & { days: number }) => {
      const { simulateFile } = await import('./simulate-file.ts')
      await simulateFile(file, options, context)
    })
  policy
    .command('evaluate')
    .description('read requests, a JSON object a line, and print decisions with rule ids')
    .option('--file <file>', 'read the requests from here, not from standard input')
    .option('--policy <file>', 'decide by this file; needs no stack')
    .option('--jsonl', 'one decision a line; always so')
    .action(async (options: { file?: string; policy?: string }) => {
      const { evaluateRequests } = await import('./evaluate-requests.ts')
      await evaluateRequests(options, context)
    })
}

function registerPrices(policy: Command, context: CliContext): void {
  const price = policy.command('price').description('what assets are worth, for limits in dollars')
  price
    .command('set <asset> <usd>')
    .description('write down what a whole unit is worth now')
    .requiredOption(
      '--decimals <n>',
      'of the base unit: 18 for ETH, 6 for USDC',
      wholeNumber({ least: 0, most: MAX_DECIMALS }),
    )
    .option('--source <text>', 'where the price is from', 'by hand')
    .option('--json', 'print JSON')
    .action(
      async (asset: string, usd: string, options: Json & { decimals: number; source: string }) => {
        const { setPrice } = await import('./prices.ts')
        await setPrice({ asset, usd, ...options }, context)
      },
    )
  price
    .command('ls')
    .description('the newest price of each asset')
    .option('--json', 'print a JSON array')
    .action(async (options: Json) => {
      const { listPrices } = await import('./prices.ts')
      await listPrices(options, context)
    })
}
