/** The tool of both servers: what it is called, what it takes, and what it answers. */
export const NOOP = {
  name: 'noop',
  title: 'Do nothing',
  description: 'Does nothing, once.',
  text: 'a text of the usual length of a post, so that arguments and hashes have something to do',
} as const

export const TOKEN = 'token-of-the-bench'
export const ACCOUNT = 'noop:bench'
