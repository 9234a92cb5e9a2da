/**
 * Restate: a service whose handler journals three steps; its server calls it, and calls it again.
 */
import { serve, service } from '@restatedev/restate-sdk'

import { obey, openJob } from '../job.ts'

const job = openJob(process.argv[2])
const { restate } = job.settings
if (restate === undefined) throw new Error('Restate needs its server.')

await serve({
  port: restate.port,
  services: [
    service({
      name: 'tweets',
      handlers: {
        sendOne: async (ctx, intent) => {
          await ctx.run('first', () => job.first(intent))
          await ctx.run('send', () => job.send(intent))
          await ctx.run('last', () => job.last(intent))
        },
      },
    }),
  ],
})

const post = async (url: URL, body: unknown, headers = {}): Promise<void> => {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${url.pathname}: ${answer.status} ${await answer.text()}`)
}
// Told again after a restart; the same deployment is the same deployment.
await post(new URL('/deployments', restate.adminUrl), { uri: `http://127.0.0.1:${restate.port}` })

await obey({
  submit: (intent) =>
    post(new URL('/tweets/sendOne/send', restate.ingressUrl), intent, {
      'idempotency-key': intent,
    }),
  close: () => Promise.resolve(),
})
