import { shown } from './figures.ts'

/** A figure that design.md section 11 wants held. */
export type Target = Readonly<{ what: string; found: number; below: number; unit: string }>

/** A row of a table: what, how much, how much it may be, and whether it is. */
export function targetRow(target: Target): string[] {
  const { what, found, below, unit } = target
  return [what, shown(found, unit), `< ${below} ${unit}`, isMet(target) ? 'met' : 'NOT MET']
}

export const isMet = ({ found, below }: Target): boolean => found < below

export const TARGET_HEAD = ['figure', 'measured', 'target', ''] as const
