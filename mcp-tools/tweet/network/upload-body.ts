import type { Image } from './network.ts'

/**
 * The JSON body of POST /2/media/upload in one request, which X takes for pictures (its OpenAPI
 * document, MediaUploadRequestOneShot; `media` is base64). The bytes of one image are always the
 * same body.
 */
export function renderUploadBody({ bytes, type }: Image): Buffer {
  const body = { media: bytes.toString('base64'), media_category: 'tweet_image', media_type: type }
  return Buffer.from(JSON.stringify(body), 'utf8')
}
