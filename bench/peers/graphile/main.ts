/** Graphile-worker in its batched mode, the fastest that its documentation knows. */
import { runGraphile } from './run-graphile.ts'

await runGraphile('alone')
