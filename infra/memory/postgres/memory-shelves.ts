import {
  LAST_ID,
  type PageMark,
  type ShelfLook,
  type ShelfRow,
} from '../../database/memories/search-memories.ts'
import { MemoryShelf } from './memory-shelf.ts'

/** What a process keeps at hand: 50,000 vectors of 384 places with their words, and some more. */
const MAX_SHELVES_BYTES = 64 * 1024 * 1024
/** A shelf with more than this share of forgotten vectors is read anew. */
const MOST_FORGOTTEN = 1.25
const FORGOTTEN_GRACE = 100
/** Rows of one statement: in between the process does other things. */
const PAGE = 1_000

/** An agent's memories as the record has them. */
export type ShelfWish = Readonly<{
  key: string
  /** Of its vectors. */
  places: number
  look: ShelfLook
  /** What `revisionOf` said before that look. */
  known: number
  readPage: (after: PageMark, limit: number) => Promise<readonly ShelfRow[]>
}>

/**
 * The shelves of the agents that this process was asked about, brought up to date by what was
 * written since. All together take up `mostBytes`: the one that was asked longest ago leaves first,
 * and the next question about it reads it anew. A single one may be larger; one at a time is read
 * from its beginning, so that many questions at once do not read many.
 */
export class MemoryShelves {
  readonly #mostBytes: number
  /** The longest unused first. */
  readonly #shelves = new Map<string, MemoryShelf>()
  readonly #turns = new Turns()

  constructor({ mostBytes = MAX_SHELVES_BYTES }: { mostBytes?: number } = {}) {
    this.#mostBytes = mostBytes
  }

  get size(): number {
    return this.#shelves.size
  }

  get byteSize(): number {
    return this.#shelves.values().reduce((bytes, shelf) => bytes + shelf.byteSize, 0)
  }

  /** How far the shelf at hand goes; 0 where there is none. */
  revisionOf(key: string): number {
    return this.#shelves.get(key)?.revision ?? 0
  }

  clear(): void {
    this.#shelves.clear()
  }

  /** Leaves out what a question found, and the record has no more. */
  drop(key: string, gone: readonly { id: string; revision: number }[]): void {
    this.#shelves.get(key)?.drop(gone)
  }

  /** Does the work on a shelf with everything up to the look; nobody keeps the shelf beyond it. */
  async search<T>(of: ShelfWish, work: (shelf: MemoryShelf) => T): Promise<T> {
    const { key, look } = of
    const ready = this.#shelves.get(key)
    if (ready !== undefined && ready.revision >= look.revision && !isUseless(ready, of)) {
      this.#keep(key, ready)
      return work(ready)
    }
    return this.#turns.take(key, async () => {
      const known = this.#shelves.get(key)
      const isFresh = known === undefined || isUseless(known, of)
      const read = async (): Promise<T> => {
        const shelf = isFresh ? new MemoryShelf(of.places) : known
        await bring(shelf, of)
        this.#keep(key, shelf)
        this.#shrink()
        return work(shelf)
      }
      return isFresh ? this.#turns.take('from its beginning', read) : read()
    })
  }

  #keep(key: string, shelf: MemoryShelf): void {
    this.#shelves.delete(key)
    this.#shelves.set(key, shelf)
  }

  #shrink(): void {
    let bytes = this.byteSize
    for (const [key, shelf] of this.#shelves) {
      if (bytes <= this.#mostBytes || this.#shelves.size === 1) return
      bytes -= shelf.byteSize
      this.#shelves.delete(key)
    }
  }
}

/** Reads what was written behind what the shelf has, in pages. */
async function bring(shelf: MemoryShelf, of: ShelfWish): Promise<void> {
  const { look } = of
  shelf.reserve(Math.min(look.held, shelf.size + look.revision - shelf.revision))
  let after: PageMark = { revision: shelf.revision, id: LAST_ID }
  while (after.revision < look.revision) {
    const rows = await of.readPage(after, PAGE)
    shelf.add(rows)
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) break
    after = last
  }
  shelf.revision = Math.max(shelf.revision, look.revision)
}

/** Of another record, restored meanwhile, or mostly of what was forgotten. */
function isUseless(shelf: MemoryShelf, { look, known }: ShelfWish): boolean {
  if (look.revision < known && shelf.revision >= known) return true
  const news = Math.min(look.held, Math.max(0, look.revision - shelf.revision))
  return shelf.size + news > look.held * MOST_FORGOTTEN + FORGOTTEN_GRACE
}

/** Works of the same name one after the other, in the order in which they came. */
class Turns {
  readonly #last = new Map<string, Promise<void>>()

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last.set(name, promise)
    await before
    try {
      return await work()
    } finally {
      resolve()
      if (this.#last.get(name) === promise) this.#last.delete(name)
    }
  }
}
