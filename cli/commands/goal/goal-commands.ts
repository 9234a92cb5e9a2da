import { GoalStatus, Mode } from '@chimera/contracts/goal'
import { Option, type Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { oneOf, wholeNumber } from '../../option-values.ts'
import { registerPauseCommands } from '../tenancy/pause-commands.ts'
import type { PostOptions } from './post-goal.ts'

/** A tweet that meets a cooldown waits up to 15 minutes for it. */
const WAIT_SECONDS = 1_200
const MAX_WAIT_SECONDS = 86_400
const MAX_LISTED = 10_000

/** Adds `goal post|ls|show|watch|pause|resume|cancel|replan`. */
export function registerGoalCommands(program: Command, context: CliContext): void {
  const goal = program
    .command('goal')
    .description('post, list, show, watch, pause, resume and cancel goals')
  registerPost(goal, context)
  registerPauseCommands({ kind: 'goal', group: goal, context })
  goal
    .command('ls')
    .description('goals, newest first')
    .option('--status <status>', 'only those in this status', oneOf(GoalStatus.options))
    .option('--limit <n>', 'at most so many', wholeNumber({ least: 1, most: MAX_LISTED }), 50)
    .option('--json', 'print a JSON array')
    .action(async (options: { status?: string; limit: number; json?: boolean }) => {
      const { listGoals } = await import('./show-goals.ts')
      await listGoals(options, context)
    })
  goal
    .command('show <id>')
    .description('a goal with its tasks, attempts and effects')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { showGoal } = await import('./show-goals.ts')
      await showGoal(id, options, context)
    })
  goal
    .command('watch <id>')
    .description('what becomes of a goal, until it has ended; the exit code tells how')
    .option('--json', 'a JSON object per line')
    .action(async (id: string, options: { json?: boolean }) => {
      const { watchGoal } = await import('./watch-goal.ts')
      await watchGoal(id, options, context)
    })
  goal
    .command('cancel <id>')
    .description('call a goal off')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { cancelGoal } = await import('./cancel-goal.ts')
      await cancelGoal(id, options, context)
    })
  goal
    .command('replan <id>')
    .description('let a goal be planned again although effects of it may have happened')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { replanGoal } = await import('./replan-goal.ts')
      await replanGoal(id, options, context)
    })
}

function registerPost(goal: Command, context: CliContext): void {
  const seconds = wholeNumber({ least: 1, most: MAX_WAIT_SECONDS })
  const grade = wholeNumber({ least: 1, most: 5 })
  goal
    .command('post [text]')
    .description('post a goal, in words or as a JSON file')
    .option('--file <json>', 'a file with the goal as JSON; -: standard input')
    .option('--id <id>', 'a name of your own: the same goal under it is accepted once')
    .option('--agent <id>', 'the agent that is to do it')
    .addOption(new Option('--mode <mode>', 'how real it may become').choices(Mode.options))
    .option('--urgency <1-5>', 'whether it can wait; 3 when nothing is said', grade)
    .option('--importance <1-5>', 'whether it matters; 3 when nothing is said', grade)
    .option('--wait', 'wait until it has ended, and end as it did (0, 4 refused, 1 failed, 5 late)')
    .option('--timeout <seconds>', 'how long --wait waits', seconds, WAIT_SECONDS)
    .option('--json', 'print {id, status}')
    .addHelpText('after', '\nFor example:\n  chimera goal post "publish a tweet: hello" --wait')
    .action(async (text: string | undefined, options: PostOptions) => {
      const { postGoal } = await import('./post-goal.ts')
      await postGoal(text, options, context)
    })
}
