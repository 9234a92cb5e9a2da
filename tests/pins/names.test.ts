/**
 * What others write into streams, environments, scripts and alerts. A change here is a change of
 * the wire: `vitest run --project unit tests/pins -u` writes it, and its review decides it.
 */
import { AgentTask, PHASES } from '@chimera/contracts/agent-task'
import { CONFIG_SECTIONS, SECRET_NAMES } from '@chimera/contracts/config'
import { CRASH_POINTS } from '@chimera/contracts/crash-points'
import { ERROR_CODES } from '@chimera/contracts/errors'
import { STREAMS } from '@chimera/contracts/streams'
import { TOOLS } from '@chimera/contracts/tools'
import { expect, test } from 'vitest'

test('streams, their groups and the field of an entry', () => {
  const rows = Object.entries<StreamRow>(STREAMS)
  expect(rows.map(([name, { group, field }]) => `${name} ${group ?? '-'} ${field}`))
    .toMatchInlineSnapshot(`
    [
      "chimera:goals planner goal",
      "chimera:tasks:RESEARCH worker task",
      "chimera:tasks:CONTENT_GEN worker task",
      "chimera:tasks:TRANSACTION worker task",
      "chimera:tasks:ENGAGEMENT worker task",
      "chimera:results judge result",
      "chimera:effects worker grant",
      "chimera:feed - event",
      "chimera:dead - letter",
    ]
  `)
})

type StreamRow = { readonly group: string | undefined; readonly field: string }

test('error codes, whether they may be tried again, and their HTTP status', () => {
  const rows = Object.entries(ERROR_CODES)
  expect(rows.map(([code, { kind, http }]) => `${code} ${kind} ${http}`)).toMatchInlineSnapshot(`
    [
      "GOAL_ID_CONFLICT conflict 409",
      "GOAL_NOT_UNDERSTOOD terminal 422",
      "GOAL_NOT_FOUND terminal 404",
      "GOAL_FINISHED conflict 409",
      "GOALS_FROM_STREAM_OFF denied 403",
      "TASK_NOT_FOUND terminal 404",
      "EFFECT_NOT_FOUND terminal 404",
      "DEAD_LETTER_NOT_FOUND terminal 404",
      "PLAN_INVALID terminal 422",
      "INPUT_INVALID terminal 422",
      "BODY_INVALID terminal 400",
      "BODY_TOO_LARGE terminal 413",
      "MEDIA_TYPE_UNSUPPORTED terminal 415",
      "METHOD_NOT_ALLOWED terminal 405",
      "ROUTE_NOT_FOUND terminal 404",
      "ENTRY_MALFORMED terminal 422",
      "ENTRY_TOO_LARGE terminal 413",
      "TENANT_FORBIDDEN denied 403",
      "IDEMPOTENCY_KEY_INVALID terminal 400",
      "IDEMPOTENCY_KEY_REUSED terminal 422",
      "CURSOR_INVALID terminal 400",
      "ATTEMPTS_EXHAUSTED terminal 422",
      "PARENT_FAILED terminal 422",
      "CANCELLED cancelled 409",
      "EXECUTOR_MISSING terminal 422",
      "NEEDS_APPROVAL denied 403",
      "CONFIDENCE_TOO_LOW denied 403",
      "BUDGET_EXHAUSTED denied 402",
      "SLOT_UNKNOWN denied 403",
      "PROVENANCE_MISMATCH denied 403",
      "TOOL_NOT_AVAILABLE denied 403",
      "MODE_FORBIDDEN denied 403",
      "STOPPED retryable 503",
      "UNAUTHENTICATED denied 401",
      "FORBIDDEN denied 403",
      "RATE_LIMITED retryable 429",
      "GRANT_REQUIRED denied 403",
      "GRANT_INVALID denied 403",
      "GRANT_EXPIRED denied 403",
      "BOOT_CHANGED retryable 503",
      "INCARNATION_CHANGED denied 403",
      "FENCED denied 403",
      "LEDGER_BEHIND retryable 503",
      "LEDGER_HELD terminal 409",
      "LEDGER_UNWRITABLE retryable 503",
      "SERVER_CLOSED retryable 503",
      "RECORD_BEHIND retryable 503",
      "WRONG_ACCOUNT terminal 409",
      "SETTLE_REFUSED denied 403",
      "STACK_RUNNING conflict 409",
      "BACKUP_INVALID terminal 422",
      "CLOCK_JUMP retryable 503",
      "IN_PROGRESS retryable 409",
      "SUPERSEDED conflict 409",
      "IDEMPOTENCY_CONFLICT conflict 409",
      "COOLDOWN_ACTIVE retryable 429",
      "LIMIT_EXCEEDED denied 403",
      "TARGET_UNKNOWN denied 403",
      "RECIPIENT_NOT_ALLOWED denied 403",
      "ASSET_UNKNOWN denied 403",
      "PRICE_UNAVAILABLE denied 403",
      "INSUFFICIENT_FUNDS terminal 422",
      "MARKET_UNKNOWN terminal 422",
      "SYMBOL_RESTRICTED denied 403",
      "KILL_LEVEL denied 403",
      "DUPLICATE terminal 409",
      "UPSTREAM_REJECTED terminal 422",
      "UPSTREAM_RATE_LIMITED retryable 429",
      "UPSTREAM_UNAVAILABLE retryable 503",
      "OUTCOME_UNKNOWN retryable 503",
      "NOT_SENT retryable 503",
      "TEXT_TOO_LONG terminal 422",
      "TOOL_FAILED retryable 503",
      "UNAVAILABLE retryable 503",
      "CONFIG_INVALID terminal 500",
      "VERSION_CONFLICT conflict 409",
      "INVARIANT invariant 500",
    ]
  `)
})

test('names of the environment by section, and which of them are secret', () => {
  const names = Object.entries(CONFIG_SECTIONS).flatMap(([section, { shape }]) =>
    Object.keys(shape).map((name) => `${section} ${name}`),
  )
  expect(names).toMatchInlineSnapshot(`
    [
      "base LOG_LEVEL",
      "base CHIMERA_STATE_DIR",
      "base CHIMERA_SUPERVISED",
      "base CHIMERA_CRASH_AT",
      "base CHIMERA_RUN_ID",
      "base CONSUMER_NAME",
      "base HEALTH_PORT",
      "base HEALTH_HOST",
      "postgres DATABASE_URL",
      "redis REDIS_URL",
      "roles LEASE_MS",
      "goals GOALS_FROM_STREAM",
      "goals TENANT_ID",
      "worker TOOL_TOKEN",
      "worker WORKER_TASK_TYPES",
      "judge JUDGE_KEY",
      "judge RECEIPT_JWKS_FILE",
      "keeper TOOL_CONTROL_TOKEN",
      "keeper SWEEP_MS",
      "gateway GATEWAY_PORT",
      "gateway GATEWAY_HOST",
      "stops TOOL_CONTROL_TOKEN",
      "toolServer TOOL_ACCOUNT",
      "toolServer TOOL_PORT",
      "toolServer TOOL_HOST",
      "toolServer TOOL_LEDGER",
      "toolServer GRANTS",
      "toolServer GRANT_JWKS_FILE",
      "toolServer RECEIPT_KEY",
      "toolServer TOOL_TOKEN",
      "toolServer TOOL_JOIN_ONLY",
      "toolServer TOOL_CLIENTS_FILE",
      "toolServer TOOL_CONTROL_TOKEN",
      "toolServer TOOL_STOP_TOKEN",
      "tweet TWEET_BACKEND",
      "tweet TWEET_COOLDOWN_MS",
      "tweet TWEET_ABSENCE_MS",
      "tweet TWEET_SEND_TIMEOUT_MS",
      "tweet TWEET_MEDIA_DIR",
      "tweet SIMULATED_X_URL",
      "tweet SIMULATED_X_TOKEN",
      "tweet X_BASE_URL",
      "tweet X_API_KEY",
      "tweet X_API_SECRET",
      "tweet X_ACCESS_TOKEN",
      "tweet X_ACCESS_SECRET",
      "tweet X_OAUTH2_TOKEN",
      "tweet X_OAUTH2_SESSION",
      "tweet X_OAUTH2_CLIENT_ID",
      "tweet X_OAUTH2_CLIENT_SECRET",
      "simulatedX SIMULATED_X_PORT",
      "simulatedX SIMULATED_X_RECORD",
      "simulatedX SIMULATED_X_TOKEN",
      "simulatedX SIMULATED_X_ACCOUNT",
      "wallet WALLET_NETWORK",
      "wallet WALLET_PROVIDER",
      "wallet WALLET_LIMITS_FILE",
      "wallet WALLET_RPC_URL",
      "wallet WALLET_PRIVATE_KEY",
      "wallet WALLET_SECRET_ID",
      "wallet WALLET_ADDRESS",
      "wallet WALLET_SEND_TIMEOUT_MS",
      "wallet WALLET_FOLLOW_MS",
      "wallet CDP_API_KEY_ID",
      "wallet CDP_API_KEY_SECRET",
      "wallet CDP_WALLET_SECRET",
      "wallet AWS_REGION",
      "wallet AWS_ACCESS_KEY_ID",
      "wallet AWS_SECRET_ACCESS_KEY",
      "wallet AWS_SESSION_TOKEN",
      "wallet AWS_ENDPOINT_URL_SECRETS_MANAGER",
      "wallet SIMULATED_EVM_URL",
      "simulatedEvm SIMULATED_EVM_PORT",
      "simulatedEvm SIMULATED_EVM_RECORD",
      "simulatedEvm SIMULATED_EVM_ANVIL",
      "trading TRADING_TOOLS",
      "trading TRADING_MODE",
      "trading TRADING_VENUE",
      "trading TRADING_MAX_ORDER_USD",
      "trading TRADING_MAX_POSITION_PERCENT",
      "trading TRADING_MAX_LEVERAGE",
      "trading TRADING_RESTRICTED_SYMBOLS",
      "trading TRADING_SEND_TIMEOUT_MS",
      "trading TRADING_ABSENCE_MS",
      "trading TRADING_KILL_TOKEN",
      "trading HYPERLIQUID_KEY",
      "trading HYPERLIQUID_ACCOUNT",
      "trading SIMULATED_EXCHANGE_URL",
      "trading SIMULATED_EXCHANGE_KEY",
      "simulatedExchange SIMULATED_EXCHANGE_PORT",
      "simulatedExchange SIMULATED_EXCHANGE_RECORD",
      "simulatedExchange SIMULATED_EXCHANGE_KEY",
      "simulatedExchange SIMULATED_EXCHANGE_CANDLES_URL",
      "simulatedExchange SIMULATED_EXCHANGE_WEIGHT_LIMIT",
      "swarm CHIMERA_GATEWAY_URL",
      "swarm CHIMERA_TOKEN",
      "swarm SWARM_TOOLS",
      "swarm SWARM_PORT",
      "swarm SWARM_HOST",
      "swarm TOOL_TOKEN",
      "swarm TOOL_CLIENTS_FILE",
      "cli CHIMERA_GATEWAY_URL",
      "cli CHIMERA_TOKEN",
    ]
  `)
  expect(SECRET_NAMES).toMatchInlineSnapshot(`
    [
      "DATABASE_URL",
      "REDIS_URL",
      "TOOL_TOKEN",
      "TOOL_CONTROL_TOKEN",
      "TOOL_STOP_TOKEN",
      "JUDGE_KEY",
      "RECEIPT_KEY",
      "SIMULATED_X_TOKEN",
      "X_API_KEY",
      "X_API_SECRET",
      "X_ACCESS_TOKEN",
      "X_ACCESS_SECRET",
      "X_OAUTH2_TOKEN",
      "X_OAUTH2_CLIENT_SECRET",
      "WALLET_RPC_URL",
      "WALLET_PRIVATE_KEY",
      "CDP_API_KEY_SECRET",
      "CDP_WALLET_SECRET",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
      "TRADING_KILL_TOKEN",
      "HYPERLIQUID_KEY",
      "SIMULATED_EXCHANGE_KEY",
      "CHIMERA_TOKEN",
    ]
  `)
})

test('labels of crash points', () => {
  expect(CRASH_POINTS).toMatchInlineSnapshot(`
    [
      "planner.goal.read",
      "planner.goal.committed",
      "planner.plan.before_commit",
      "planner.plan.committed",
      "planner.task.published",
      "planner.goal.acknowledged",
      "worker.task.read",
      "worker.task.claimed",
      "worker.task.executed",
      "worker.result.committed",
      "worker.result.published",
      "worker.task.acknowledged",
      "judge.result.read",
      "judge.verdict.before_commit",
      "judge.verdict.committed",
      "judge.grant.published",
      "judge.result.acknowledged",
      "worker.grant.read",
      "worker.grant.before_call",
      "tool.grant.verified",
      "tool.claim.before_commit",
      "tool.claim.committed",
      "tool.send.before",
      "tool.send.sent",
      "tool.send.answered",
      "tool.receipt.committed",
      "worker.grant.called",
      "worker.receipt.committed",
      "worker.receipt.published",
      "worker.grant.acknowledged",
      "judge.receipt.read",
      "judge.settle.before_commit",
      "judge.settle.committed",
      "judge.receipt.acknowledged",
      "keeper.sweep.before_publish",
      "keeper.hello.before_send",
      "keeper.hello.sent",
    ]
  `)
})

test('tools, their servers and scopes', () => {
  const rows = Object.entries(TOOLS)
  expect(
    rows.map(([name, { server, scope, mutating, money }]) =>
      [name, server, scope, mutating ? 'mutating' : 'reading', money ? 'money' : ''].join(' '),
    ),
  ).toMatchInlineSnapshot(`
    [
      "post_tweet tweet tweet:write mutating ",
      "reply_tweet tweet tweet:write mutating ",
      "delete_tweet tweet tweet:delete mutating ",
      "get_tweet tweet tweet:read reading ",
      "get_mentions tweet tweet:read reading ",
      "get_cooldown tweet tweet:read reading ",
      "estimate_cost tweet tweet:read reading ",
      "transfer_native wallet wallet:transfer mutating money",
      "transfer_erc20 wallet wallet:transfer mutating money",
      "unstick_transfer wallet wallet:transfer mutating money",
      "get_balances wallet wallet:read reading ",
      "simulate_transfer wallet wallet:read reading ",
      "check_spend wallet wallet:read reading ",
      "get_limits wallet wallet:read reading ",
      "get_transfer wallet wallet:read reading ",
      "list_transfers wallet wallet:read reading ",
      "place_order trading trade:paper mutating money",
      "cancel_order trading trade:paper mutating money",
      "cancel_all trading trade:paper mutating money",
      "close_position trading trade:paper mutating money",
      "raise_kill trading trade:kill reading ",
      "get_mode trading trade:read reading ",
      "get_markets trading trade:read reading ",
      "get_price trading trade:read reading ",
      "get_orderbook trading trade:read reading ",
      "get_candles trading trade:read reading ",
      "get_positions trading trade:read reading ",
      "get_orders trading trade:read reading ",
    ]
  `)
})

test('fields, statuses and phases of a task', () => {
  expect(Object.keys(AgentTask.shape)).toMatchInlineSnapshot(`
    [
      "task_id",
      "parent_goal_id",
      "type",
      "payload",
      "constraints",
      "status",
      "confidence_score",
    ]
  `)
  expect(PHASES).toMatchInlineSnapshot(`
    {
      "COMPLETED": [
        "done",
      ],
      "FAILED": [
        "rejected",
        "denied",
        "cancelled",
        "dead",
      ],
      "IN_PROGRESS": [
        "running",
      ],
      "PENDING": [
        "blocked",
        "ready",
      ],
      "REVIEW": [
        "judging",
        "awaiting_approval",
        "granted",
        "reconciling",
      ],
    }
  `)
})
