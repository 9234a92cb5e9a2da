import { STREAMS } from '@chimera/contracts/streams'
import { FeedEvent } from '@chimera/contracts/trail/feed'

import { compareEntryIds, isEntryId } from '../entry-id.ts'
import type { RawEntry } from '../replies.ts'

export const FEED = 'chimera:feed'
export const FEED_START = '0-0'

/**
 * One event under its id; nothing where somebody wrote what is no event. The last event of an entry
 * has the entry's id, those before it have that and their place: `17-0.1`, `17-0.2`, `17-0`. So an
 * id without a place is behind all of its entry.
 */
export type FeedLine = Readonly<{ id: string; event: FeedEvent | undefined }>

/** Which entry, and how many of its events have been read; all of them without a number. */
export type FeedPlace = Readonly<{ entry: string; read: number | undefined }>

const PLACE = /^(.+)\.(\d{1,4})$/

/** Undefined for what is no id of the feed's. */
export function placeOf(id: string): FeedPlace | undefined {
  const [, entry = id, read] = PLACE.exec(id) ?? []
  if (!isEntryId(entry)) return undefined
  return { entry, read: read === undefined ? undefined : Number(read) }
}

/** Negative when `left` comes before. Both are ids of the feed's. */
export function compareFeedIds(left: string, right: string): number {
  const [one, other] = [placeOf(left), placeOf(right)]
  if (one === undefined || other === undefined) return 0
  const byEntry = compareEntryIds(one.entry, other.entry)
  if (byEntry !== 0 || one.read === other.read) return byEntry
  return (one.read ?? Infinity) - (other.read ?? Infinity)
}

/** The events of an entry, in order. One that holds none is a line without an event. */
export function linesOf({ id, fields }: RawEntry): FeedLine[] {
  const texts: string[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    if (fields[at] === STREAMS[FEED].field) texts.push(fields[at + 1] ?? '')
  }
  if (texts.length === 0) return [{ id, event: undefined }]
  return texts.map((text, place) => ({
    id: place + 1 === texts.length ? id : `${id}.${place + 1}`,
    event: eventIn(text),
  }))
}

function eventIn(text: string): FeedEvent | undefined {
  try {
    return FeedEvent.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
