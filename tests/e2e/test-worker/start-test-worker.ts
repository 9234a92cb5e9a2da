import { join } from 'node:path'

import type { StackRig } from '../stack-rig.ts'
import { startStandIn, type StandIn } from '../stand-in.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

/** Starts a worker of the tests beside a stack; what it takes as `args` stands in its main.ts. */
export function startTestWorker(
  rig: StackRig,
  of: { name: string; args?: readonly string[]; leaseMs: number; crashAt?: string },
): Promise<StandIn> {
  return startStandIn(rig, { role: 'worker', main: MAIN, ...of })
}
