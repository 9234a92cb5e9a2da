/** What a column's type becomes in kysely, and in pg. */
import type { ColumnType } from 'kysely'

/** jsonb: parsed when read (to be parsed by a schema), JSON text when written. */
export type Json = ColumnType<unknown, string, string>
/** timestamptz. */
export type Time = ColumnType<Date, Date | string, Date | string>
/** date: `2026-11-21`, without a time zone to get lost in. */
export type Day = string
/** bigint and numeric: decimal text, because a double would round it. */
export type Digits = ColumnType<string, string | bigint, string | bigint>
