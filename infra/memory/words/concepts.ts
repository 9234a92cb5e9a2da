import { englishStem } from './english-stem.ts'

/**
 * Words that stand near each other in our domain, a line each: those of docs/glossary.md with the
 * words that people say instead, then of chains and payments, of trading, of what is said in
 * public. A word may stand in several lines. They are what the field says, not what the questions
 * of bench/recall do.
 */
const LINES: readonly string[] = [
  'goal objective mission target aim',
  'campaign project initiative programme program',
  'task job step work piece',
  'attempt try run execution',
  'effect action act',
  'grant permission token ticket',
  'claim lock',
  'receipt acknowledgement proof evidence',
  'verdict decision judgement ruling',
  'confidence certainty score',
  'escalate escalation',
  'approve approval sign permit allow confirm release',
  'reject refuse deny decline veto block ban forbid',
  'stop halt freeze kill pause suspend',
  'resume continue lift restart',
  'budget allowance quota spending cap money',
  'limit maximum threshold ceiling cap bound',
  'error failure fault bug breakdown outage crash fail',
  'timeout deadline expiry expire due',
  'retry repeat resend again',
  'queue backlog waiting',
  'conflict contradict disagree differ dispute',
  'version release edition tag',
  'record log history archive entry',
  'backup copy snapshot',
  'key credential secret password',
  'server host machine node',
  'database table record',
  'slow latency delay late',
  'leak breach abuse',
  'attack phishing scam fraud fake forged spam',
  'model llm',
  'prompt instruction',
  'agent bot software',
  'persona character voice',
  'tone style voice wording',
  'memory remember recall',
  'owner operator founder',
  'person human people somebody',
  'reviewer approver auditor audit accountant',
  'risk danger',
  'bitcoin btc xbt',
  'ethereum eth ether',
  'satoshi sat',
  'lightning channel',
  'dollar usd usdc usdt stablecoin',
  'euro eur',
  'coin token asset crypto cryptocurrency',
  'wallet address account storage',
  'gas fee charge commission cost price expense',
  'network chain blockchain',
  'transaction transfer payment pay send remit',
  'invoice bill',
  'refund repay return reimburse',
  'owe owed debt loan advance credit lend borrow',
  'salary wage payroll',
  'tip donation gift charity',
  'subscription renewal plan',
  'supplier vendor provider contractor',
  'customer client user buyer shop merchant',
  'treasury treasurer reserve fund holdings savings',
  'bank custodian',
  'interest yield reward staking',
  'discount rebate',
  'buy purchase acquire long',
  'sell short dump sold',
  'order trade trading',
  'position holding exposure',
  'exchange venue market platform',
  'price quote rate value',
  'rise surge rally climb pump soar jump grow increase gain rose',
  'fall drop slump crash plunge decline decrease shrink lose fell',
  'profit gain earning income revenue',
  'loss lose drawdown',
  'leverage margin',
  'volatile volatility swing',
  'calm sideways range narrow',
  'liquidity spread slippage',
  'strategy approach system',
  'signal indicator warning alert alarm',
  'backtest simulation trial experiment test',
  'portfolio equity',
  'interval period',
  'funding perpetual',
  'mempool block',
  'tweet post publish thread announcement',
  'reply answer respond response comment',
  'mention name quote',
  'retweet repost share',
  'hashtag tag',
  'follower audience reader subscriber readership fan',
  'engagement like reaction',
  'impression reach view',
  'message dm mail email letter chat',
  'link url website site domain page',
  'image picture photo video media clip chart',
  'influencer creator',
  'journalist press media',
  'newsletter digest mailing summary',
  'competitor rival',
  'advertisement ad sponsored promotional campaign paid',
  'survey poll study questionnaire interview',
  'launch start begin release',
  'language translate translation',
  'schedule time hour when',
  'minimum least smallest smaller',
  'cheap low inexpensive',
  'expensive high',
]

/** Stem -> marks of what it may be about: `~` and the first word of a line. No stem begins so. */
const CONCEPTS: ReadonlyMap<string, readonly string[]> = new Map(
  [...Map.groupBy(LINES.flatMap(markedStems), ({ stem }) => stem)].map(([stem, marked]) => [
    stem,
    [...new Set(marked.map(({ mark }) => mark))],
  ]),
)

function markedStems(line: string): { stem: string; mark: string }[] {
  const words = line.split(' ')
  return words.map((word) => ({ stem: englishStem(word), mark: `~${words[0]}` }))
}

/**
 * Stems with marks of what they are about: the same word weighs twice, another word for it once.
 * Marks are made for each search anew or kept with it, and never leave the memory.
 */
export const withConcepts = (stems: readonly string[]): string[] => [
  ...new Set([...stems, ...stems.flatMap((stem) => CONCEPTS.get(stem) ?? [])]),
]
