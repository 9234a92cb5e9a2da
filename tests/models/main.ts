/**
 * A model as a process of its own: `node tests/models/main.ts scripted|obedient <record> [port]`.
 * Its first line of output is where it listens; it ends when its standard input does.
 */
import { once } from 'node:events'

import { obedient } from './obedient.ts'
import { openModelServer } from './open-model-server.ts'
import { silent } from './silent.ts'

const [mind, recordPath, port = '0'] = process.argv.slice(2)
if ((mind !== 'scripted' && mind !== 'obedient') || recordPath === undefined) {
  process.stderr.write('Say scripted or obedient, and where the record of calls is.\n')
  process.exit(2)
}
await using server = await openModelServer({
  port: Number(port),
  recordPath,
  mind: mind === 'obedient' ? obedient : silent,
})
process.stdout.write(`${JSON.stringify({ url: server.url, control: server.control })}\n`)
process.stdin.resume()
await once(process.stdin, 'end')
