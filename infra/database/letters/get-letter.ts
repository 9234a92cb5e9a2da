import { TerminalError } from '@chimera/contracts/errors'

import type { Sql } from '../open-database.ts'
import { letterOf, LETTER_COLUMNS, type Letter, type LetterRow } from './letter.ts'

/** One dead letter. Throws TerminalError(DEAD_LETTER_NOT_FOUND). */
export async function getLetter(sql: Sql, id: string): Promise<Letter> {
  const [row] = await sql.query<LetterRow>({
    text: `SELECT ${LETTER_COLUMNS} FROM dead_letters WHERE id::text = $1`,
    values: [id.toLowerCase()],
  })
  if (row === undefined) {
    throw new TerminalError('DEAD_LETTER_NOT_FOUND', `There is no dead letter ${id}.`)
  }
  return letterOf(row)
}
