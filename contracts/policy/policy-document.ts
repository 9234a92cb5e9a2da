/**
 * A policy as it is written (docs/policy.md): rules by which the Judge allows, denies or asks for
 * approval. Amounts are text, so that no number of YAML or JSON ever becomes a float.
 */
import { z } from 'zod'

import { Mode } from '../goal.ts'
import { Label } from '../judging/provenance.ts'
import { AssetCode } from '../money.ts'

/** The most that one document may hold; it is compiled and held by every Judge. */
export const POLICY_LIMITS = {
  sourceBytes: 128 * 1024,
  rules: 500,
  lists: 100,
  listEntries: 5_000,
  conditionEntries: 1_000,
  argumentTests: 20,
  approvals: 5,
} as const

/** What a tool does, in the words of a policy (domain/policy/actions.ts says which does what). */
export const PolicyAction = z.enum([
  'tweet.post',
  'tweet.reply',
  'tweet.delete',
  'transfer',
  'transfer.unstick',
  'order',
  'order.cancel',
  'order.close',
  'upgrade',
  'read',
  'unknown',
])
export type PolicyAction = z.infer<typeof PolicyAction>

const RuleId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,63}$/, 'is no rule id: use a-z, 0-9, dots, dashes, underscores')
const ListName = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'is no name of a list')

const Entry = z.string().min(1).max(256)
const Entries = z.array(Entry).min(1).max(POLICY_LIMITS.conditionEntries)

/** One value, one of several, or none of several; `$name` stands for the entries of a list. */
const AnyOf = z.union([
  Entry.transform((one) => ({ in: [one] })),
  Entries.transform((all) => ({ in: all })),
  z.strictObject({ in: Entries }),
  z.strictObject({ not: Entries }),
])
export type AnyOf = z.infer<typeof AnyOf>

const oneOfThese = (known: z.ZodEnum) =>
  AnyOf.superRefine((condition, context) => {
    const entries = 'in' in condition ? condition.in : condition.not
    for (const entry of entries) {
      if (known.safeParse(entry).success) continue
      const message = `knows no ${JSON.stringify(entry)}; there are: ${known.options.join(', ')}`
      context.addIssue({ code: 'custom', message })
    }
  })

const BaseUnits = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,77})$/, 'is not a whole number in quotes, such as "1500000"')
const Dollars = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?$/, 'is not dollars in quotes, such as "500.00"')
const Decimal = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,30})(?:\.\d{1,18})?$/, 'is not a decimal in quotes, such as "0.5"')
const Count = z.int().nonnegative().max(1_000_000_000)

/** Bounds on one figure: all that are given hold. */
const bounds = <T extends z.ZodType>(of: T) => ({
  gt: of.optional(),
  gte: of.optional(),
  lt: of.optional(),
  lte: of.optional(),
})
const hasBound = (of: object): boolean =>
  ['gt', 'gte', 'lt', 'lte'].some((name) => Object.hasOwn(of, name))
const NO_BOUND = 'needs one of gt, gte, lt, lte'

const Duration = z
  .string()
  .regex(/^[1-9][0-9]{0,4}[smhd]$/, 'is no length of time such as 15m, 24h or 7d')

/** Whose effects a window counts. */
export const WindowScope = z.enum(['tenant', 'agent', 'campaign', 'goal', 'account', 'recipient'])
export type WindowScope = z.infer<typeof WindowScope>

const WindowOf = {
  per: WindowScope,
  /** It slides: the last so long, up to the moment of the decision. At most 31 days. */
  window: Duration,
  /** Counted effects; those of every action but reads when nothing is said. */
  actions: z.array(PolicyAction).min(1).max(PolicyAction.options.length).optional(),
}

const CountCondition = z.strictObject({ ...WindowOf, ...bounds(Count) }).refine(hasBound, NO_BOUND)
const SumCondition = z
  .union([
    z.strictObject({ ...WindowOf, unit: z.literal('usd'), ...bounds(Dollars) }),
    z.strictObject({ ...WindowOf, unit: AssetCode, ...bounds(BaseUnits) }),
  ])
  .refine(hasBound, NO_BOUND)

const ClockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is no time such as "09:30"')
const Day = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])
const TimeCondition = z
  .strictObject({
    days: z.array(Day).min(1).max(7).optional(),
    /** By UTC, `from` included, `to` not; past midnight when `to` is the smaller. */
    from: ClockTime.optional(),
    to: ClockTime.optional(),
    after: z.iso.datetime().optional(),
    before: z.iso.datetime().optional(),
  })
  .refine((time) => Object.keys(time).length > 0, 'is empty')
  .refine((time) => (time.from === undefined) === (time.to === undefined), {
    error: 'needs both from and to, or neither',
  })

const Scalar = z.union([z.string().max(1_000), z.boolean()])

/** A test of one argument, by JSON pointer. Text is compared folded (see docs/policy.md). */
const ArgumentTest = z
  .strictObject({
    at: z.string().regex(/^(\/[^/]{1,64}){1,4}$/, 'is no JSON pointer such as "/text"'),
    in: z.array(Scalar).min(1).max(POLICY_LIMITS.conditionEntries).optional(),
    not: z.array(Scalar).min(1).max(POLICY_LIMITS.conditionEntries).optional(),
    contains: z.array(z.string().min(1).max(200)).min(1).max(200).optional(),
    present: z.boolean().optional(),
    ...bounds(Decimal),
  })
  .refine((test) => Object.keys(test).length > 1, 'tests nothing')

const AmountCondition = z
  .strictObject({ asset: AssetCode, ...bounds(BaseUnits) })
  .refine(hasBound, NO_BOUND)
const UsdCondition = z.strictObject(bounds(Dollars)).refine(hasBound, NO_BOUND)

/** Everything that is said has to hold. Nothing said holds always. */
export const PolicyConditions = z.strictObject({
  action: oneOfThese(PolicyAction).optional(),
  tool: AnyOf.optional(),
  mode: oneOfThese(Mode).optional(),
  agent: AnyOf.optional(),
  campaign: AnyOf.optional(),
  goal: AnyOf.optional(),
  account: AnyOf.optional(),
  persona: AnyOf.optional(),
  /** The worst label of any argument's provenance. */
  label: oneOfThese(Label).optional(),
  asset: AnyOf.optional(),
  network: AnyOf.optional(),
  recipient: AnyOf.optional(),
  /** The coin behind a venue's name for it: LUNA-PERP and kLUNA are LUNA. */
  symbol: AnyOf.optional(),
  amount: AmountCondition.optional(),
  usd: UsdCondition.optional(),
  args: z.array(ArgumentTest).min(1).max(POLICY_LIMITS.argumentTests).optional(),
  time: TimeCondition.optional(),
  count: CountCondition.optional(),
  sum: SumCondition.optional(),
})
export type PolicyConditions = z.infer<typeof PolicyConditions>

export const RuleEffect = z.enum(['allow', 'deny', 'require_approval'])
export type RuleEffect = z.infer<typeof RuleEffect>

export const PolicyRule = z
  .strictObject({
    id: RuleId,
    effect: RuleEffect,
    /** For people: stands in verdicts and explanations. */
    why: z.string().min(1).max(300),
    /** How many people have to approve; whoever asked is none of them. */
    approvals: z.int().min(1).max(POLICY_LIMITS.approvals).optional(),
    when: PolicyConditions,
  })
  .refine((rule) => rule.effect === 'require_approval' || rule.approvals === undefined, {
    path: ['approvals'],
    error: 'is only for rules that require approval',
  })
export type PolicyRule = z.infer<typeof PolicyRule>

/** One version of a policy. Deny by default; a deny wins over everything. */
export const PolicyDocument = z
  .strictObject({
    /** Of this format. */
    policy: z.literal(1),
    name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'is no name such as default'),
    prices: z
      .strictObject({ max_age_seconds: z.int().positive().max(86_400) })
      .default({ max_age_seconds: 3_600 }),
    lists: z
      .record(ListName, z.array(Entry).max(POLICY_LIMITS.listEntries))
      .refine((lists) => Object.keys(lists).length <= POLICY_LIMITS.lists, 'holds too many lists')
      .default({}),
    rules: z.array(PolicyRule).max(POLICY_LIMITS.rules),
  })
  .superRefine((document, context) => {
    const seen = new Set<string>()
    for (const [index, { id }] of document.rules.entries()) {
      if (seen.has(id)) {
        const path = ['rules', index, 'id']
        context.addIssue({ code: 'custom', path, message: `is the id of two rules: ${id}` })
      }
      seen.add(id)
    }
  })
export type PolicyDocument = z.infer<typeof PolicyDocument>
