/** What an `Idempotency-Key` is unique within: one caller, one route. */
export type KeyScope = {
  readonly tenantId: string
  readonly principal: string
  readonly route: string
  readonly key: string
}
