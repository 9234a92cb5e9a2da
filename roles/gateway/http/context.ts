import type { Principal } from '@chimera/infra/database/tokens/find-principal'
import type { Trace } from '@chimera/runtime/trace'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/**
 * What a request carries through the gateway. Bindings are absent where there is no socket (tests).
 */
export type GatewayEnv = {
  Bindings: Partial<HttpBindings>
  Variables: {
    trace: Trace
    /** Set on every route that is not public. */
    principal: Principal
  }
}

export type GatewayContext = Context<GatewayEnv>
