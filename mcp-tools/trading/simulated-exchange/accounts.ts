/** An account and the agents that it has approved. */
export type SimulatedAccount = Readonly<{ address: string; agents: readonly string[] }>

export type Accounts = Readonly<{
  /** The account that a signer trades for; undefined for one that nobody knows. */
  ownerOf: (signer: string) => string | undefined
  /** Who can sign for an account, itself included. */
  signersOf: (account: string) => readonly string[]
  has: (address: string) => boolean
  all: readonly string[]
}>

/** Addresses in any case; what is asked and answered is in lower case. */
export function openAccounts(accounts: readonly SimulatedAccount[]): Accounts {
  const owners = new Map<string, string>()
  const signers = new Map<string, readonly string[]>()
  for (const { address, agents } of accounts) {
    const owner = address.toLowerCase()
    const all = [...new Set([owner, ...agents.map((agent) => agent.toLowerCase())])]
    signers.set(owner, all)
    for (const signer of all) owners.set(signer, owner)
  }
  return {
    ownerOf: (signer) => owners.get(signer),
    signersOf: (account) => signers.get(account) ?? [],
    has: (address) => signers.has(address),
    all: [...signers.keys()],
  }
}
