import { DEFAULT_AGENT, newId } from '@chimera/contracts/ids'
import type { Memory } from '@chimera/contracts/judging/memory'

/** A memory of the words, a day old unless the wish says otherwise. */
export const sampleMemory = (content: string, wish: Partial<Memory> = {}): Memory => ({
  id: newId(),
  agent_id: DEFAULT_AGENT,
  kind: 'learning',
  content,
  relevance_tags: [],
  timestamp: new Date(Date.now() - 86_400_000).toISOString(),
  label: 'derived',
  sources: [{ source: 'goal', path: '/text' }],
  goal_id: null,
  task_id: null,
  importance: 0.5,
  expires_at: null,
  ...wish,
})
