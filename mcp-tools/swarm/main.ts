import { runProcess } from '@chimera/runtime/run-process'

import { openSwarm } from './open-swarm.ts'

if (process.argv.includes('--stdio')) {
  const { runSwarmOnStdio } = await import('./serve-swarm.ts')
  await runSwarmOnStdio(process.env)
} else {
  await runProcess({ name: 'swarm', sections: ['swarm'], start: openSwarm })
}
