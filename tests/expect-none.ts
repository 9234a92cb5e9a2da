import { expect } from 'vitest'

/**
 * Fails with the list itself as the message, so that a summary of one line names the first fault.
 */
export function expectNone(faults: readonly string[]): void {
  expect(faults, faults.join('\n')).toEqual([])
}
