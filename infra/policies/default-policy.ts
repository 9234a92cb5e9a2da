/**
 * The policy that ships: in force, as version 0, until a tenant has one of its own. Explained in
 * docs/policy.md, which a test compares with this.
 */
export const DEFAULT_POLICY = `\
policy: 1
name: default

# Prices older than this say nothing: what depends on one is denied.
prices: { max_age_seconds: 3600 }

lists:
  # What is never bought or sold (requirement B31).
  restricted_symbols: [USDT, LUNA, FTT]

rules:
  - id: reads
    effect: allow
    why: Looking changes nothing.
    when: { action: read }

  - id: simulated-posts
    effect: allow
    why: Simulated posts in trusted words need nobody.
    when:
      action: [tweet.post, tweet.reply]
      mode: [dry, paper]
      label: [owner, registry, derived]

  - id: words-of-strangers
    effect: require_approval
    why: Words of strangers leave the house only with a person.
    when: { action: [tweet.post, tweet.reply], label: untrusted }

  - id: deletions
    effect: require_approval
    why: What was said is taken back only with a person.
    when: { action: tweet.delete }

  - id: money
    effect: require_approval
    why: Money never moves without a person.
    when: { action: [transfer, transfer.unstick, order, order.cancel, order.close] }

  - id: live
    effect: require_approval
    why: Nothing live happens without a person.
    when:
      action: { not: [read, unknown] }
      mode: live

  - id: upgrades
    effect: require_approval
    approvals: 2
    why: An upgrade takes two people.
    when: { action: upgrade }

  - id: restricted-symbols
    effect: deny
    why: The symbol is on the list of what is not traded; positions may still be closed.
    when:
      action: order
      symbol: $restricted_symbols
      args: [{ at: /reduce_only, not: [true] }]

  - id: live-amount
    effect: deny
    why: One live payment or order is worth 1,000 dollars at most.
    when: { action: [transfer, order], mode: live, usd: { gt: "1000.00" } }

  - id: live-day
    effect: deny
    why: Live payments and orders of 24 hours are worth 5,000 dollars at most.
    when:
      action: [transfer, order]
      mode: live
      sum: { unit: usd, per: tenant, window: 24h, actions: [transfer, order], gt: "5000.00" }
`
