import type { Sql } from '../open-database.ts'

/** Mirrors the marker that Redis was given. */
export async function saveMarker(sql: Sql, marker: string): Promise<void> {
  await sql.query({
    text: `INSERT INTO stream_marker (marker) VALUES ($1)
      ON CONFLICT (is_only) DO UPDATE SET marker = excluded.marker, set_at = now()`,
    values: [marker],
  })
}
