/** The same with the next jobs of many steps in one call: faster than its documentation. */
import { runGraphile } from '../graphile/run-graphile.ts'

await runGraphile('gathered')
