import type { Permission } from '@chimera/contracts/tenancy/roles'

import type { GatewayContext } from '../http/context.ts'

/** One line of the route table. `:name` in the path stands for one segment. */
export type Route = Readonly<{
  method: 'GET' | 'POST'
  path: string
  /** What the token has to allow; `public` asks for none. */
  needs: Permission | 'public'
  handle: (c: GatewayContext) => Promise<Response> | Response
}>

/** Methods that some route has at this path, for `Allow` (RFC 9110); none when nothing is there. */
export function methodsAt(routes: readonly Route[], path: string): string[] {
  const methods = new Set<string>()
  for (const route of routes) {
    if (!patternOf(route.path).test(path)) continue
    methods.add(route.method)
    if (route.method === 'GET') methods.add('HEAD')
  }
  return [...methods].toSorted()
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`)
