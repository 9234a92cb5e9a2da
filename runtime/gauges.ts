import { Gauge, type Registry } from '@prometheus-io/client'

/** A figure that is read when somebody scrapes; with a label, one figure for each of its values. */
export type GaugeRow = Readonly<{ name: string; help: string }> &
  (
    | Readonly<{ label?: undefined; read: () => number }>
    | Readonly<{ label: string; read: () => Readonly<Record<string, number>> }>
  )

/** Adds figures that cost nothing between two scrapes. */
export function addGauges(registry: Registry, rows: readonly GaugeRow[]): void {
  for (const row of rows) {
    const { name, help } = row
    const registers = [registry]
    if (row.label === undefined) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers,
        collect: () => gauge.set(row.read()),
      })
      continue
    }
    const { label } = row
    const gauge: Gauge<string> = new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect: () => {
        for (const [value, figure] of Object.entries(row.read())) {
          gauge.set({ [label]: value }, figure)
        }
      },
    })
  }
}
