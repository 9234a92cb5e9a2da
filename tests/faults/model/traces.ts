/** How a trace is written down: with all guards it is a guarantee, without one its control. */
import { control, guarantee } from '../../guarantee.ts'
import { openProtocolRig, type Guards, type ProtocolRig } from './protocol-rig.ts'
import { greet, planSlot, type Slot } from './steps.ts'

export type Trace = (rig: ProtocolRig, slot: Slot) => Promise<void>

/** Runs a trace on parts of its own, after the tool server has been opened and a slot planned. */
export async function runTrace(
  trace: Trace,
  guards: Guards = {},
  of: { confidence?: number } = {},
): Promise<void> {
  await using rig = await openProtocolRig(guards)
  const state = await greet(rig)
  if (state !== 'open') throw new Error(`The tool server is ${state}.`)
  await trace(rig, await planSlot(rig, of))
}

/** A rule of the model: its trace ends well, and without its guard it ends as the model says. */
export function rule(of: {
  name: string
  title: string
  trace: Trace
  /** What the trace runs on in both cases. */
  on?: Guards
  /** Of the Workers in what they propose; certain when nothing is said. */
  confidence?: number
  without: string
  guards: Guards
  /** The trace without the guard, where a step of the Keeper or the record itself is one. */
  unguarded?: Trace
  expect: RegExp
}): void {
  const { name, title, trace, without, guards, expect } = of
  const id = `model-${name}`
  guarantee({ id, title, n: 1, seed: 1 }, () => runTrace(trace, of.on, of))
  control({ guard: without, test: id, expect }, () => runTrace(of.unguarded ?? trace, guards, of))
}
