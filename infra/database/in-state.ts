/**
 * A condition on the state of a row that a statement knows by its id already. Written so that no
 * partial index serves it: PostgreSQL takes the index of all rows in a state that its statistics
 * do not know yet for a short way in, and reads the whole queue for every batch.
 */
export const inState = (column: string, state: string): string =>
  `coalesce(${column}, '') = '${state}'`
