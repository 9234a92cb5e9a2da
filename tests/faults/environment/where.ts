/** Guarantees about an environment that not every machine can give. */
import { test } from 'vitest'

import { control, guarantee } from '../../guarantee.ts'

/**
 * The two words of `tests/guarantee.ts`, for tests that need something of the machine. Where it is
 * missing they are counted as skipped, with the reason.
 *
 * @param fault - why the machine cannot do it; nothing when it can
 */
export function onMachine(fault: string | undefined): {
  guarantee: typeof guarantee
  control: typeof control
} {
  if (fault === undefined) return { guarantee, control }
  const skipped = (title: string): void => {
    test(title, ({ skip }) => skip(fault))
  }
  return {
    guarantee: ({ id, title = id }) => skipped(`guarantee ${id}: ${title}`),
    control: ({ guard, test: of }) => skipped(`control: without ${guard}, ${of} fails`),
  }
}
