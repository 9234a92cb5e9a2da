import { isHouseAsset } from '@chimera/contracts/budget/token-code'
import type { AnyOf, PolicyDocument, PolicyRule } from '@chimera/contracts/policy/policy-document'
import { isToolName } from '@chimera/contracts/tools'

import { compilePolicy } from './compile-policy.ts'
import { MAX_WINDOW_SECONDS, secondsOf } from './windows.ts'

/** Something about a document: an `error` keeps it from being applied, a `warning` does not. */
export type PolicyFinding = Readonly<{
  level: 'error' | 'warning'
  rule: string | null
  message: string
}>

/** What is wrong with a document that has the right shape, and what is only strange about it. */
export function lintPolicy(document: PolicyDocument): PolicyFinding[] {
  const compiled = compilePolicy(document)
  const faults = 'faults' in compiled ? compiled.faults : []
  return [
    ...faults.map(({ rule, fault }) => ({ level: 'error' as const, rule, message: `${fault}.` })),
    ...document.rules.flatMap(lintRule),
    ...lintLists(document),
    ...(document.rules.some(({ effect }) => effect !== 'deny')
      ? []
      : [warning(null, 'No rule allows anything: everything is denied.')]),
  ]
}

function lintRule(rule: PolicyRule): PolicyFinding[] {
  const { when, effect, id } = rule
  const findings: PolicyFinding[] = []
  if (Object.keys(when).length === 0 && effect !== 'deny') {
    findings.push(warning(id, 'It has no condition, so it is about everything there is.'))
  }
  for (const tool of entriesOf(when.tool)) {
    if (isToolName(tool)) continue
    findings.push(warning(id, `There is no tool ${JSON.stringify(tool)} in this version.`))
  }
  for (const counted of [when.count, when.sum]) {
    if (counted === undefined || secondsOf(counted.window) <= MAX_WINDOW_SECONDS) continue
    findings.push({ level: 'error', rule: id, message: 'A window has 31 days at most.' })
  }
  for (const code of [when.amount?.asset, when.sum?.unit, ...entriesOf(when.asset)]) {
    // `usd` in small letters is how a sum says dollars.
    if (code === undefined || code === 'usd' || !isHouseAsset(code)) continue
    const message = `No token is named ${code}: dollars are \`usd\`, the rest is for budgets.`
    findings.push({ level: 'error', rule: id, message })
  }
  if (effect === 'allow' && (when.sum !== undefined || when.count !== undefined)) {
    const message = 'A limit is safer as a rule that denies above it: other rules may allow, too.'
    findings.push(warning(id, message))
  }
  return findings
}

function lintLists({ lists, rules }: PolicyDocument): PolicyFinding[] {
  const used = new Set(
    rules.flatMap(({ when }) =>
      Object.values(when).flatMap((condition) => (isAnyOf(condition) ? entriesOf(condition) : [])),
    ),
  )
  return Object.keys(lists)
    .filter((name) => !used.has(`$${name}`))
    .map((name) => warning(null, `No rule uses the list ${name}.`))
}

const isAnyOf = (condition: unknown): condition is AnyOf =>
  typeof condition === 'object' &&
  condition !== null &&
  !Array.isArray(condition) &&
  ('in' in condition || 'not' in condition)

const entriesOf = (of: AnyOf | undefined): readonly string[] =>
  of === undefined ? [] : 'in' in of ? of.in : of.not

const warning = (rule: string | null, message: string): PolicyFinding => ({
  level: 'warning',
  rule,
  message,
})
