import type { ExecutorContext } from '../executors/executor.ts'

/**
 * Something that a model may have read for it. What it answers is somebody's words until the Judge
 * knows better.
 */
export type Read = Readonly<{
  name: string
  /** For the model: what it is good for, and its arguments. */
  about: string
  read: (context: ExecutorContext, args: Record<string, unknown>) => Promise<unknown>
}>

const ofTool = (name: string, about: string): Read => ({
  name,
  about,
  read: ({ readTool }, args) => readTool(name, args),
})

/**
 * Everything that a model may read on its own. Named one by one: a tool that changes nothing
 * outside may still be none of a model's business, as the brake of the trading server is.
 */
export const READS: readonly Read[] = [
  ofTool('get_mentions', 'posts that name the account, newest first: {limit?: 1 to 100}'),
  ofTool('get_tweet', 'one post: {tweet_id: its digits}'),
  ofTool('get_price', 'the price of a market: {symbol}'),
  {
    name: 'search_record',
    about: 'earlier goals and results of this house: {question}',
    read: ({ searchRecord }, { question }) =>
      searchRecord(typeof question === 'string' ? question : ''),
  },
]
