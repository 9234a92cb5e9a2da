/** What a run was to do, and what it did. */
export type Activity = Readonly<{
  planned: number
  succeeded: number
  /** By kind of fault: how often it was seen to happen. */
  fired: Readonly<Record<string, number>>
  /** By kind of fault: how often it has to, at least. */
  least: Readonly<Record<string, number>>
}>

/** Of what was planned; a run in which nothing worked cannot show anything wrong either. */
const LEAST_SHARE = 0.95

/** Why a run proves nothing; empty when it does. */
export function checkActivity({ planned, succeeded, fired, least }: Activity): string[] {
  const faults: string[] = []
  if (planned === 0 || succeeded < planned * LEAST_SHARE) {
    faults.push(`only ${succeeded} of ${planned} operations succeeded`)
  }
  for (const [kind, times] of Object.entries(least)) {
    const seen = fired[kind] ?? 0
    if (seen < times) faults.push(`${kind} happened ${seen} times and had to ${times} times`)
  }
  return faults
}
