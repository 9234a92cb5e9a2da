import { z } from 'zod'

/** Source 002 section 2.1, wire enum (C08). */
export const TaskType = z.enum(['RESEARCH', 'CONTENT_GEN', 'TRANSACTION', 'ENGAGEMENT'])
export type TaskType = z.infer<typeof TaskType>

/** Source 002 section 2.1, wire enum (C11). `TaskPhase` refines it without adding to the wire. */
export const TaskStatus = z.enum(['PENDING', 'IN_PROGRESS', 'REVIEW', 'COMPLETED', 'FAILED'])
export type TaskStatus = z.infer<typeof TaskStatus>

/** Phases by status (design.md section 3). */
export const PHASES = {
  PENDING: ['blocked', 'ready'],
  IN_PROGRESS: ['running'],
  REVIEW: ['judging', 'awaiting_approval', 'granted', 'reconciling'],
  COMPLETED: ['done'],
  FAILED: ['rejected', 'denied', 'cancelled', 'dead'],
} as const satisfies Record<TaskStatus, readonly string[]>

export const TaskPhase = z.enum([
  ...PHASES.PENDING,
  ...PHASES.IN_PROGRESS,
  ...PHASES.REVIEW,
  ...PHASES.COMPLETED,
  ...PHASES.FAILED,
])
export type TaskPhase = z.infer<typeof TaskPhase>

export const TaskConstraints = z.object({
  max_cost_usd: z.number().optional(),
  voice_ref: z.string().default('SOUL.md').optional(),
})
export type TaskConstraints = z.infer<typeof TaskConstraints>

/**
 * The task on the wire: exactly the schema of source 002 (fields, enums, required). The JSON Schema
 * (draft-07) is `schemas/agent-task.json`, held equal by `tests/pins`.
 */
export const AgentTask = z
  .object({
    task_id: z.uuid(),
    parent_goal_id: z.string().optional(),
    type: TaskType,
    payload: z.record(z.string(), z.unknown()),
    constraints: TaskConstraints.optional(),
    status: TaskStatus,
    confidence_score: z.number().min(0).max(1).optional(),
  })
  .meta({ title: 'AgentTask' })
export type AgentTask = z.infer<typeof AgentTask>
