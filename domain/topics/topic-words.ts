/**
 * What texts about a topic say, in English. Data with a version, which stands in the reasons of
 * verdicts. One `strong` phrase tells the topic; of the `weak` ones, which other subjects share,
 * two different ones. `innocent` phrases are taken out before anything is looked for.
 */
export const TOPIC_WORDS_VERSION = 'en@1'

export type TopicWords = {
  readonly strong: readonly string[]
  readonly weak: readonly string[]
  readonly innocent: readonly string[]
}

/** Phrases by comma. */
const listed = (text: string): string[] => text.split(',').map((phrase) => phrase.trim())

export const TOPIC_WORDS: Readonly<Record<string, TopicWords>> = {
  politics: {
    strong: listed(`
      politics, political party, politician, politicians, election, elections, referendum,
      ballot, ballots, voter, voters, vote for, vote against, go and vote, president, prime
      minister, parliament, senate, senator, senators, congress, congressman, congresswoman,
      democrats, republicans, left wing, right wing, impeach, impeachment, abortion, gun
      control, immigration policy, immigrants, brexit, trump, biden, putin, zelensky,
      netanyahu, gaza, government policy, foreign policy, tax cuts, geopolitics, coup,
      dictator
    `),
    weak: listed(`
      government, minister, party, campaign, vote, votes, policy, conservative, liberal,
      democracy, protest, socialist, nationalist, candidate, taxes, border
    `),
    innocent: listed(`
      leader election, leader elections, election timeout, election term, raft election,
      return policy, privacy policy, retry policy, cache policy, eviction policy, policy
      engine, security policy, retention policy, network policy, policy file, third party,
      third-party, release candidate, birthday party, launch party, vote on the issue,
      upvote, upvotes, border radius, conservative estimate, conservative default, marketing
      campaign, email campaign
    `),
  },
  health: {
    strong: listed(`
      health advice, medical advice, mental health, public health, healthcare, health care,
      vaccine, vaccines, vaccinated, vaccination, cancer, diabetes, chemotherapy, insulin,
      antibiotics, antidepressant, antidepressants, medication, medications, overdose,
      suicide, suicidal, self harm, eating disorder, covid, covid-19, pandemic, ivermectin,
      blood pressure, heart attack, weight loss, lose weight, miscarriage, pregnancy, cures,
      cure for, disease, diseases, your doctor, a doctor, detox, ibuprofen, paracetamol,
      opioid, opioids
    `),
    weak: listed(`
      health, symptom, symptoms, diagnosis, treatment, therapy, therapist, patient,
      patients, dose, dosage, clinical, hospital, medicine, medical, doctor, supplement,
      supplements, anxiety, depression, illness, pain, pills, immune
    `),
    innocent: listed(`
      health check, health checks, health endpoint, health probe, health status, health of
      the cluster, health of the system, system health, service health, cluster health,
      please be patient, be patient, dependency injection, pain point, pain points, symptom
      of a bug, bug diagnosis
    `),
  },
  finance: {
    strong: listed(`
      financial advice, investment advice, investment, investments, investor, investors,
      invest in, stock market, stock price, buy stocks, share price, hedge fund, mutual
      fund, etf, etfs, dividend, dividends, bitcoin, btc, ethereum, cryptocurrency,
      cryptocurrencies, crypto, altcoin, altcoins, memecoin, airdrop, price target, bullish,
      bearish, bull market, bear market, to the moon, hodl, guaranteed returns, passive
      income, interest rate, interest rates, mortgage, mortgages, forex, day trading,
      options trading, leverage trading, short selling, retirement fund, pension fund, 401k,
      get rich, double your money, pump and dump
    `),
    weak: listed(`
      trading, trade, trader, stock, stocks, shares, portfolio, profit, profits, returns,
      market, markets, token, tokens, coin, coins, loan, loans, debt, wallet, yield, asset,
      assets, buy, sell, price, eth, dip, bonds, fund
    `),
    innocent: listed(`
      invest in tests, invest time, in stock, out of stock, trade-off, trade-offs, trade
      off, trade offs, access token, api token, bearer token, function returns, technical
      debt, tech debt, token bucket, static assets, market square
    `),
  },
  legal: {
    strong: listed(`
      legal advice, legal action, legal claim, legal claims, lawsuit, lawsuits, litigation,
      class action, attorney, attorneys, lawyer, lawyers, sue them, sue you, sue us, sue
      him, sue her, suing, sued, court order, supreme court, in court, plaintiff, defendant,
      indicted, indictment, convicted, defamation, defamatory, libel, slander, subpoena,
      copyright infringement, patent infringement, trademark infringement, breach of
      contract, unlawful, criminal charges, fraudster, committed fraud, is a fraud, guilty
      of, perjury
    `),
    weak: listed(`
      legal, law, laws, court, judge, jury, contract, liable, liability, illegal, rights,
      lawful, verdict, fraud, guilty, settlement, regulation, compliance
    `),
    innocent: listed(`
      tennis court, basketball court, food court, smart contract, contract test, contract
      tests, api contract, data contract, moore's law, conway's law, murphy's law, law of
      demeter, access rights, guilty pleasure
    `),
  },
  hate: {
    strong: listed(`
      white power, white supremacy, racial purity, master race, ethnic cleansing, heil
      hitler, sieg heil, gas the, subhuman, subhumans, exterminate them, kill all, go back
      to your country, race war, holocaust is a lie, inferior race
    `),
    weak: [],
    innocent: listed(`
      kill all processes, kill all jobs, kill all containers, kill all workers
    `),
  },
  illegal: {
    strong: listed(`
      buy cocaine, sell cocaine, cocaine, heroin, methamphetamine, fentanyl, fake passport,
      fake passports, stolen credit card, stolen credit cards, counterfeit money, make a
      bomb, pipe bomb, hire a hitman, hitman for hire, launder money, child abuse material,
      stolen data for sale, ransomware for hire
    `),
    weak: [],
    innocent: [],
  },
  adult: {
    strong: listed(`
      porn, porno, pornography, nudes, nude photos, sexually explicit, nsfw, xxx, escort
      service, sex video, sex videos, sex tape, onlyfans, fetish, hentai
    `),
    weak: [],
    innocent: [],
  },
}

/** Texts about these go to a person, whatever the persona says (SRS NFR 1.2). */
export const ALWAYS_SENSITIVE: readonly string[] = ['politics', 'health', 'finance', 'legal']
