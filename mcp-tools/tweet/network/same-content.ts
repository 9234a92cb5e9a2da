import { canonicalText, findLinks } from '../tweet-text.ts'
import type { Post, SeenPost } from './network.ts'

/** X puts the people answered before the text of a reply. */
const LEADING_MENTIONS = /^(?:@\w{1,15}\s+)+/u

/**
 * Whether a post read back is the one that was sent. Text is compared between the links, link by
 * link; where X rewrites, the comparison errs towards yes, because a post wrongly taken for absent
 * would be posted again.
 */
export function sameContent(seen: SeenPost, wanted: Post): boolean {
  if (seen.replyTo !== wanted.replyTo) return false
  if (seen.mediaCount !== undefined && seen.mediaCount !== wanted.mediaIds.length) return false
  const wantedText = canonicalText(wanted.text)
  const seenText = canonicalText(seen.text)
  if (sameText(seenText, wantedText)) return true
  return wanted.replyTo !== undefined && sameText(withoutMentions(seenText), wantedText)
}

function withoutMentions(text: string): string {
  return text.replace(LEADING_MENTIONS, '')
}

function sameText(seen: string, wanted: string): boolean {
  if (seen === wanted) return true
  const left = partsOf(seen)
  const right = partsOf(wanted)
  return (
    left.between.length === right.between.length &&
    left.between.every((words, index) => words === right.between[index]) &&
    left.links.every((link, index) => sameLink(link, right.links[index]))
  )
}

/** The words between the links, white space squeezed, and the links. */
function partsOf(text: string): { between: string[]; links: string[] } {
  const between: string[] = []
  const links: string[] = []
  let from = 0
  for (const { url, start, end } of findLinks(text)) {
    between.push(squeeze(text.slice(from, start)))
    links.push(linkKey(url))
    from = end
  }
  between.push(squeeze(text.slice(from)))
  return { between, links }
}

function squeeze(words: string): string {
  return words.replaceAll(/\s+/gu, ' ')
}

/** A link that was a t.co one already reads back as where it leads, which nobody here can know. */
function sameLink(seen: string, wanted: string | undefined): boolean {
  return seen === wanted || (wanted?.startsWith('t.co/') ?? false)
}

/** A link without its scheme: X writes `http://example.com` for a bare `example.com`. */
function linkKey(link: string): string {
  const whole = /^https?:\/\//iu.test(link) ? link : `http://${link}`
  const url = URL.parse(whole.replaceAll('&amp;', '&'))
  return url === null ? link : `${url.host}${url.pathname}${url.search}${url.hash}`
}
