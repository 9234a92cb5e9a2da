import type { FeedItem } from '@chimera/infra/streams/feed-reader'

/** Comments that keep proxies from closing a quiet stream, and show a dead client. */
const HEARTBEAT_MS = 15_000
/** What a client may be behind, in bytes, before it counts as slow. */
const MAX_BUFFERED_BYTES = 256 * 1024
/** A client that takes nothing for this long loses events, and is told so by `gap`. */
const STALL_MS = 5_000
/** One that takes nothing for this long is gone. */
const GONE_MS = 60_000
const LOOK_AGAIN_MS = 50

const encoder = new TextEncoder()

/**
 * Events as `text/event-stream` (https://html.spec.whatwg.org/multipage/server-sent-events.html):
 * the entry's id as `id`, `retry: 1000`, `: hb` every 15 s, `event: reset` where what is shown has
 * to be loaded again, `event: gap` where a slow client has lost events. Ends when `items` ends or
 * fails, when the client is gone for a minute, or when `isAllowed` says no (asked at every
 * heartbeat).
 */
export function eventStream(of: {
  items: (signal: AbortSignal) => AsyncIterable<FeedItem>
  /** What this client may see. */
  isVisible: (item: FeedItem & { kind: 'event' }) => boolean
  isAllowed: () => Promise<boolean>
  /** Ends the stream; the client comes again. */
  signal: AbortSignal
  /** With what ended it, when that was not the client or the stop. */
  onEnd: (error?: unknown) => void
  stallMs?: number
}): ReadableStream<Uint8Array> {
  const gone = new AbortController()
  const signal = AbortSignal.any([of.signal, gone.signal])
  let heartbeat: NodeJS.Timeout | undefined
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const send = (text: string): void => {
          if (!signal.aborted) controller.enqueue(encoder.encode(text))
        }
        send('retry: 1000\n\n')
        const room = (): boolean => (controller.desiredSize ?? 0) > 0
        const loss: Loss = { hasLost: false }
        heartbeat = setInterval(() => {
          if (room()) send(takeLoss(loss) ? GAP : ': hb\n\n')
          of.isAllowed().then(
            (isAllowed) => isAllowed || gone.abort(),
            () => gone.abort(),
          )
        }, HEARTBEAT_MS)
        const pumped = pump({ ...of, items: of.items(signal), send, room, signal, loss })
        const end = (error?: unknown): void => {
          clearInterval(heartbeat)
          gone.abort()
          of.onEnd(error)
          try {
            controller.close()
          } catch {
            // The client closed it first.
          }
        }
        pumped.then(() => end(), end)
      },
      cancel: () => gone.abort(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_BUFFERED_BYTES }),
  )
}

const GAP = 'event: gap\ndata: {}\n\n'

/** Whether the client has missed events and was not told yet. */
type Loss = { hasLost: boolean }

function takeLoss(loss: Loss): boolean {
  const { hasLost } = loss
  loss.hasLost = false
  return hasLost
}

async function pump(of: {
  items: AsyncIterable<FeedItem>
  isVisible: (item: FeedItem & { kind: 'event' }) => boolean
  send: (text: string) => void
  room: () => boolean
  signal: AbortSignal
  loss: Loss
  stallMs?: number
}): Promise<void> {
  let stalledAt: number | undefined
  for await (const item of of.items) {
    if (item.kind === 'event' && !of.isVisible(item)) continue
    const now = performance.now()
    if (of.room()) stalledAt = undefined
    else {
      stalledAt ??= now
      if (now - stalledAt > GONE_MS) return
      if (!of.loss.hasLost) of.loss.hasLost = !(await untilRoom(of))
      if (!of.room()) continue
    }
    if (takeLoss(of.loss)) of.send(GAP)
    of.send(textOf(item))
  }
}

/** Whether there is room again before the stall is over. */
async function untilRoom(of: {
  room: () => boolean
  signal: AbortSignal
  stallMs?: number
}): Promise<boolean> {
  const until = performance.now() + (of.stallMs ?? STALL_MS)
  while (!of.room()) {
    if (of.signal.aborted || performance.now() > until) return false
    const { promise, resolve } = Promise.withResolvers<void>()
    setTimeout(resolve, LOOK_AGAIN_MS)
    await promise
  }
  return true
}

/** JSON has no line breaks of its own, so that one `data` line is enough. */
function textOf(item: FeedItem): string {
  if (item.kind === 'reset') return 'event: reset\ndata: {}\n\n'
  return `id: ${item.id}\ndata: ${JSON.stringify(item.event)}\n\n`
}
