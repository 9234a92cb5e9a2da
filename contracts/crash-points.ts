/**
 * Labels of the crash points (design.md section 10). `CHIMERA_CRASH_AT=<label>[:n]` makes the
 * process that reaches the label for the n-th time write a line and SIGKILL itself. Before and
 * after every commit, claim, provider call, receipt and acknowledgement of the path from goal to
 * tweet.
 */
export const CRASH_POINTS = [
  'planner.goal.read',
  'planner.goal.committed',
  'planner.plan.before_commit',
  'planner.plan.committed',
  'planner.task.published',
  'planner.goal.acknowledged',
  'worker.task.read',
  'worker.task.claimed',
  'worker.task.executed',
  'worker.result.committed',
  'worker.result.published',
  'worker.task.acknowledged',
  'judge.result.read',
  'judge.verdict.before_commit',
  'judge.verdict.committed',
  'judge.grant.published',
  'judge.result.acknowledged',
  'worker.grant.read',
  'worker.grant.before_call',
  'tool.grant.verified',
  'tool.claim.before_commit',
  'tool.claim.committed',
  'tool.send.before',
  'tool.send.sent',
  'tool.send.answered',
  'tool.receipt.committed',
  'worker.grant.called',
  'worker.receipt.committed',
  'worker.receipt.published',
  'worker.grant.acknowledged',
  'judge.receipt.read',
  'judge.settle.before_commit',
  'judge.settle.committed',
  'judge.receipt.acknowledged',
  'keeper.sweep.before_publish',
  'keeper.hello.before_send',
  'keeper.hello.sent',
] as const

export type CrashPoint = (typeof CRASH_POINTS)[number]
