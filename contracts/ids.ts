import { randomUUIDv7 } from 'node:crypto'

import { z } from 'zod'

/** A fresh uuid v7: sorts by time of making. Used for rows, versions, grants, approvals, boots. */
export const newId = (): string => randomUUIDv7()

/** A uuid of any version, lower case. */
export const Uuid = z.uuid().transform((id) => id.toLowerCase())

const name = () =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/,
      'use 1 to 128 letters, digits, dots, colons, dashes or underscores',
    )

/** An operator may name a goal; the name is an id in URLs, stream entries and log lines. */
export const GoalId = name()

/** Agents, campaigns and accounts are named by the operator, too. */
export const AgentId = name()

/** The place of an effect in a frozen plan: `publish`, `pay:1`, `reply:1234`. */
export const SlotId = z.string().regex(/^[a-z][a-z0-9_]{0,31}(:[A-Za-z0-9._-]{1,64}){0,3}$/)

/** The tenant of a machine with one operator (C14). */
export const DEFAULT_TENANT = '00000000-0000-7000-8000-000000000001'

/** The agent of a goal that names none. */
export const DEFAULT_AGENT = 'default'
