/** A time of the record as every view shows it: ISO 8601 in UTC, to the millisecond. */
export const isoTime = (time: Date | null): string | null => time?.toISOString() ?? null
