import type { ErrorCode } from '@chimera/contracts/errors'

import type { Entry } from './parse-entry.ts'

/** What becomes of one entry. */
export type Settlement =
  | Readonly<{ outcome: 'done' }>
  | Readonly<{ outcome: 'dead'; code: ErrorCode; reason: string }>

/** An entry that is not in it is done. */
export type Settlements<T> = ReadonlyMap<Entry<T>, Settlement>
