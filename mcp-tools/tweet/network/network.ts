/**
 * The port between the tweet tools and a social network: what a back end must be able to build,
 * judge and read so that the kit can send once and reconcile. A network never sends a post; the
 * kit's send-once does (design section 5, "SDKs build and read, they never send").
 */
import type { ErrorCode } from '@chimera/contracts/errors'
import type { ImageType } from '@chimera/contracts/media'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

/** One post as the tools mean it. Text is already canonical (`canonicalText`), ids are digits. */
export interface Post {
  readonly text: string
  /** At most 4 ids of media that the network already holds. */
  readonly mediaIds: readonly string[]
  /** Always stated on the wire, as true or as false: a label is never dropped silently. */
  readonly isAiLabeled: boolean
  /** The id of the post that this one answers. */
  readonly replyTo?: string
}

/** An image to be uploaded: its bytes have been checked. */
export interface Image {
  readonly bytes: Buffer
  readonly type: ImageType
}

/**
 * The exact bytes of one request, made before the claim. `headers.authorization` is a secret: the
 * ledger keeps `method`, `url` and `body`, never this header. An OAuth 1.0a signature holds a
 * timestamp that the network honours for about five minutes, so prepare right before the claim.
 */
export interface PreparedRequest {
  readonly method: 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A whole answer, as node:http gives it. An answer cut in its body is not one: that is unknown. */
export interface ProviderResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
}

/** Why a network definitely did not take a post: the error codes of contracts/errors.ts. */
export type RefusalCode = Extract<
  ErrorCode,
  'DUPLICATE' | 'UPSTREAM_RATE_LIMITED' | 'UPSTREAM_REJECTED'
>

/**
 * What an answer proves. `refused` is only said of answers that the network is known to give
 * instead of posting; whatever could hide a post that exists is `unknown`.
 * A DUPLICATE met in a later round is evidence that an earlier round did happen: look before
 * closing it.
 */
export type Classification =
  | { readonly outcome: 'accepted'; readonly providerRef: string; readonly url?: string }
  | {
      readonly outcome: 'refused'
      readonly code: RefusalCode
      readonly detail: string
      readonly retryAfterMs?: number
    }
  | { readonly outcome: 'unknown'; readonly detail: string }

/** A post read back: t.co expanded, HTML entities decoded, links to its own media taken out. */
export interface SeenPost {
  readonly id: string
  /** Milliseconds of the network's clock, from the id where it holds them (X says seconds). */
  readonly createdAtMs: number
  readonly text: string
  /** Absent when the network did not say. */
  readonly mediaCount?: number
  readonly replyTo?: string
  /** The numeric id of who wrote it; absent when the network did not say. */
  readonly authorId?: string
}

/**
 * The account's own posts since a moment, newest first. Absence may only be read from
 * `isComplete: true`; an incomplete or unavailable timeline proves presence or nothing.
 */
export type Timeline =
  | {
      readonly outcome: 'read'
      readonly posts: readonly SeenPost[]
      readonly isComplete: boolean
    }
  | { readonly outcome: 'unavailable'; readonly detail: string; readonly retryAfterMs?: number }

/** What an answer to an upload proves. An upload that nobody posts is nothing to anybody. */
export type UploadVerdict =
  | { readonly outcome: 'uploaded'; readonly mediaId: string }
  | Extract<Classification, { outcome: 'refused' | 'unknown' }>

/** One post by its id, or the network's own word that there is none. */
export type Found =
  | { readonly outcome: 'read'; readonly post: SeenPost | undefined }
  | Extract<Timeline, { outcome: 'unavailable' }>

/** Posts of others that name the account, newest first. `next` continues with older ones. */
export type Mentions =
  | { readonly outcome: 'read'; readonly posts: readonly SeenPost[]; readonly next?: string }
  | Extract<Timeline, { outcome: 'unavailable' }>

/** When a post that is not on the timeline may be called absent. */
export interface AbsenceBound {
  /** Counted from when the connection is surely dead: claim + deadline of the send. */
  readonly afterMs: number
  readonly reads: number
  readonly readsApartMs: number
}

/** X's documented worst case plus margin; two reads, because one may come from a stale replica. */
export const X_ABSENCE: AbsenceBound = { afterMs: 900_000, reads: 2, readsApartMs: 60_000 }

/** One account on one social network. Opening it starts nothing and holds nothing. */
export interface Network {
  readonly label: 'x' | 'simulated'
  /** A live back end acts only for goals of mode `live`; a simulated one marks its receipts. */
  readonly isLive: boolean
  readonly absence: AbsenceBound
  /**
   * Renews credentials that are about to run out; to be awaited before anything is prepared or
   * read. A refusal when the network does not know the account any more. Throws
   * UPSTREAM_UNAVAILABLE.
   */
  readonly renew: () => Promise<Refusal | undefined>
  /** Synchronous and without I/O. Throws RangeError on a post that no network would take. */
  readonly prepare: (post: Post) => PreparedRequest
  readonly classify: (response: ProviderResponse) => Classification
  /** The upload of one image. It may be repeated: what is not posted is forgotten in a day. */
  readonly prepareUpload: (image: Image) => PreparedRequest
  readonly classifyUpload: (response: ProviderResponse) => UploadVerdict
  /** Throws RangeError on what is no id of a post. */
  readonly prepareRemoval: (id: string) => PreparedRequest
  /** `accepted` names the removal, not the post: that name is taken. */
  readonly classifyRemoval: (response: ProviderResponse, id: string) => Classification
  /**
   * Reads the account's timeline for reconciliation, never for permission. `sinceMs` is the wall
   * clock at the claim (not a ledger clock that may run ahead of it); what comes back counts as not
   * older, with the difference of the clocks allowed for, so it is not filtered by time again. One
   * attempt, bounded pages, a deadline of its own; never throws except when `signal` aborts.
   */
  readonly findSince: (request: {
    readonly sinceMs: number
    readonly signal?: AbortSignal
  }) => Promise<Timeline>
  /** One post, of whomever. Same bounds as `findSince`. */
  readonly findPost: (request: {
    readonly id: string
    readonly signal?: AbortSignal
  }) => Promise<Found>
  /** At most `limit` (1 to 100) mentions, newer than `sinceId`. Same bounds as `findSince`. */
  readonly findMentions: (request: {
    readonly limit: number
    readonly sinceId?: string
    readonly next?: string
    readonly signal?: AbortSignal
  }) => Promise<Mentions>
  /**
   * Whether a post read back is what was sent. It errs towards yes where the network rewrites text
   * (scheme of a bare link, mentions put before a reply): a false no would send a post twice.
   */
  readonly sameContent: (seen: SeenPost, wanted: Post) => boolean
}
