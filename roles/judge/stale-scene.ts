import { ConflictError } from '@chimera/contracts/errors'

/** What a grant was signed for changed before its transaction: read again, judge again. */
export class StaleSceneError extends ConflictError {
  constructor(what: string) {
    super('VERSION_CONFLICT', `The ${what} changed while a verdict was being made.`)
  }
}
