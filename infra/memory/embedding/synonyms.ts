/**
 * Words of our domain that mean the same: a line each, its first word stands for all. It is small
 * on purpose: what is not here is found by the letters that words share.
 */
const LINES: readonly string[] = [
  'bitcoin btc xbt',
  'ethereum eth ether',
  'satoshi sat sats satoshis',
  'lightning ln lnd',
  'tweet tweets post posts posted tweeted publish published',
  'reply replies replied answer answers answered respond response',
  'mention mentions mentioned ping',
  'follower followers audience subscribers',
  'engagement likes retweets impressions interaction interactions',
  'buy bought purchase purchased long acquire',
  'sell sold short dump dumped',
  'price prices quote quotes cost rate',
  'surge surged rally rallied rose rise rising climbed pump pumped soared jumped up',
  'fall fell falling drop dropped dropping crash crashed slump plunged down',
  'profit profits gain gains earned earnings',
  'loss losses lost drawdown',
  'payment payments pay paid transfer transfers transferred send sent remit',
  'invoice invoices bill bills billed',
  'wallet wallets account accounts',
  'fee fees gas commission',
  'budget budgets cap allowance spending',
  'limit limits maximum max threshold',
  'approve approved approval approvals sign-off',
  'reject rejected rejection denied refuse refused decline declined',
  'schedule scheduled timing hour hours time when',
  'morning mornings am dawn',
  'evening evenings night nights pm',
  'customer customers client clients user users',
  'image images picture pictures photo photos media',
  'link links url urls website',
  'volatile volatility swings choppy',
  'strategy strategies plan plans approach',
  'error errors failure failures failed fault faults bug',
  'stablecoin usdc usdt usd dollar dollars',
  'exchange exchanges venue venues market markets',
  'stop stops halt halted kill killed',
  'language tone voice style wording',
  'competitor competitors rival rivals',
  'deadline deadlines due expiry expires expire',
  'summary summaries report reports recap digest',
]

/** Word -> the word that stands for it. */
export const SYNONYMS: ReadonlyMap<string, string> = new Map(
  LINES.flatMap((line) => {
    const [first = '', ...others] = line.split(' ')
    return others.map((word): [string, string] => [word, first])
  }),
)
