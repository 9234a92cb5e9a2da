/** The process of `chimera eval`: needs no server for the rules, and the model's own for a tier. */
import { ChimeraError } from '@chimera/contracts/errors'
import { loadConfig } from '@chimera/runtime/config'
import { openLog } from '@chimera/runtime/log'

import { loadGoalSet } from './goal-set.ts'
import { latencyOf, scorecardOf } from './grading/scorecard.ts'
import { openTier } from './open-tier.ts'
import { parseOptions } from './options.ts'
import { renderScorecard } from './render-scorecard.ts'
import { type Progress, runEvaluation } from './run-evaluation.ts'

/** As the CLI has them: something forbidden, wrong words, the time was over, bad configuration. */
const EXIT = { forbidden: 1, usage: 2, unfinished: 75, badConfig: 78 } as const

process.exitCode = await evaluate(process.argv.slice(2)).catch(report)

async function evaluate(args: readonly string[]): Promise<number> {
  const { tier: name, json, limit, seconds, maxUsdMicros } = parseOptions(args)
  const config = loadConfig(['llm'], process.env)
  const log = openLog({ name: 'eval', level: 'silent' })
  const tier = openTier({ name, config, maxUsdMicros, log })
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort())
  const evaluated = await runEvaluation({
    tier,
    set: loadGoalSet(),
    limit,
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(seconds * 1_000)]),
    log,
    onProgress: showProgress,
  })
  showProgress(undefined)
  const card = scorecardOf(evaluated)
  const latency = latencyOf(evaluated.outcomes)
  const lines = json ? [JSON.stringify({ ...card, latency })] : renderScorecard(card, latency)
  process.stdout.write(`${lines.join('\n')}\n`)
  if (card.all.forbidden > 0) return EXIT.forbidden
  return card.all.not_run > 0 ? EXIT.unfinished : 0
}

/** One line that is written over, on a terminal only; nothing ends it. */
function showProgress(at: Progress | undefined): void {
  if (!process.stderr.isTTY) return
  const line = at === undefined ? '' : `${at.done}/${at.of} ${at.id}`
  process.stderr.write(`\r\u001B[K${line}`)
}

function report(error: unknown): number {
  showProgress(undefined)
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`chimera: ${message}\n`)
  if (!(error instanceof ChimeraError)) return 1
  return error.code === 'CONFIG_INVALID' ? EXIT.badConfig : EXIT.usage
}
