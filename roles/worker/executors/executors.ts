import type { Model } from '@chimera/infra/llm/model'

import { agentExecutors } from '../agents/agent-executors.ts'
import { registerExecutors, type Executors } from './executor.ts'
import { generic } from './generic.ts'
import { noop } from './noop.ts'
import { researchQuestion } from './research-question.ts'
import { tradeScan } from './trade-scan.ts'
import { tweetPost } from './tweet-post.ts'
import { tweetReply } from './tweet-reply.ts'
import { walletTransfer } from './wallet-transfer.ts'
import { walletUnstick } from './wallet-unstick.ts'

/** Every kind of work that needs no model. A new kind is one file and one line here. */
export const EXECUTORS: Executors = registerExecutors([
  generic,
  noop,
  researchQuestion,
  tradeScan,
  tweetPost,
  tweetReply,
  walletTransfer,
  walletUnstick,
])

/** Every kind of work that a Worker knows; what needs a model fails without one. */
export const openExecutors = (model?: Model): Executors =>
  registerExecutors([...EXECUTORS.values(), ...agentExecutors({ model })])
