import type { StackReport } from '@chimera/infra/stack/stack-report'

/**
 * Where everything is, and the three ways to post a first goal, ready to be pasted into a shell.
 */
export function firstSteps(report: StackReport): string {
  const { gateway, redis } = report.urls
  const server = redis.startsWith('/') ? `-s ${quote(redis)}` : `-u ${quote(redis)}`
  const tokenFile = quote(report.token_file)
  const goal = 'publish a tweet: hello, world'
  return [
    `gateway     ${gateway}`,
    `token file  ${report.token_file}`,
    `state       ${report.state_dir}`,
    '',
    'Post a first goal in one of three ways:',
    `  redis-cli ${server} XADD chimera:goals '*' text ${quote(goal)}`,
    `  curl -sS ${gateway}/v1/goals -H "authorization: Bearer $(cat ${tokenFile})" \\`,
    `    -H 'content-type: application/json' -H "idempotency-key: $(date +%s)" \\`,
    `    -d '{"text": "${goal}"}'`,
    `  ./chimera goal post ${quote(goal)} --wait`,
    'Then: ./chimera goal ls, ./chimera status, ./chimera logs -f, ./chimera down',
  ].join('\n')
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
