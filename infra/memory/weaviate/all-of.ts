import type { FilterValue } from 'weaviate-client'

/** All of these hold. As the client writes it, which is loaded only where there is a Weaviate. */
export const allOf = (...filters: FilterValue[]): FilterValue => ({
  operator: 'And',
  filters,
  value: null,
})
