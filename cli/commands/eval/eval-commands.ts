import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { CliExit } from '../../exit-codes.ts'
import { wholeNumber } from '../../option-values.ts'

type Options = Readonly<{
  tier: string
  limit?: number
  seconds?: number
  maxUsd?: string
  json?: true
}>

/** As the process has them, which checks them again. */
const MOST = { goals: 1_000, seconds: 86_400 } as const

/**
 * Adds `chimera eval`: a process of its own, for it runs what Planner and Worker do, and a command
 * imports no role.
 */
export function registerEvalCommands(program: Command, context: CliContext): void {
  program
    .command('eval')
    .description('score a tier on the sixty goals of this checkout')
    .option('--tier <name>', 'rules, or a tier of the cascade (LLM_CASCADE_FILE)', 'rules')
    .option(
      '--limit <n>',
      'take the first n goals of each group',
      wholeNumber({ least: 1, most: MOST.goals }),
    )
    .option(
      '--seconds <n>',
      'stop after so long; what is left is not scored (1800)',
      wholeNumber({ least: 1, most: MOST.seconds }),
    )
    .option('--max-usd <dollars>', 'what the run may cost; needed for a tier that costs money')
    .option('--json', 'print the scorecard as JSON')
    .action(async ({ tier, limit, seconds, maxUsd, json }: Options) => {
      const { runTool } = await import('../test/checkout-tools.ts')
      const status = await runTool(
        [
          process.execPath,
          'evaluation/main.ts',
          `--tier=${tier}`,
          ...(limit === undefined ? [] : [`--limit=${limit}`]),
          ...(seconds === undefined ? [] : [`--seconds=${seconds}`]),
          ...(maxUsd === undefined ? [] : [`--max-usd=${maxUsd}`]),
          ...(json === undefined ? [] : ['--json']),
        ],
        { env: context.env },
      )
      if (status !== 0) throw new CliExit(status)
    })
}
