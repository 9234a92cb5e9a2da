/**
 * What the official suite starts for each client scenario: the Workers' way of connecting, doing
 * what the scenario waits for. `node main.ts <url>`, the scenario in MCP_CONFORMANCE_SCENARIO.
 */
const { MCP_CONFORMANCE_SCENARIO: scenario = '', MCP_CONFORMANCE_CONTEXT: context } = process.env
/** Never required, and not had: no time is spent on them. */
const EXTENSIONS = /client-credentials|enterprise-managed|dpop|wif-/
try {
  if (EXTENSIONS.test(scenario)) throw new Error('This extension is not one that the client has.')
  const { runScenario } = await import('./run-scenario.ts')
  await runScenario({
    scenario,
    url: new URL(process.argv.at(-1) ?? ''),
    context: context === undefined ? {} : JSON.parse(context),
  })
  process.exit(0)
} catch (error) {
  process.stderr.write(`${scenario}: ${String(error)}\n`)
  process.exit(1)
}
