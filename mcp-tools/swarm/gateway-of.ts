import type { Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'

import { openGatewayApi, type GatewayApi } from './gateway-api.ts'

/** The gateway that the configuration names. Throws ConfigError. */
export function gatewayOf(config: Config<'swarm'>): GatewayApi {
  const { CHIMERA_GATEWAY_URL: url, CHIMERA_TOKEN: token } = config
  const faults = [
    ...(url === undefined ? [{ pointer: 'CHIMERA_GATEWAY_URL', detail: 'is not set' }] : []),
    ...(token === undefined ? [{ pointer: 'CHIMERA_TOKEN', detail: 'is not set' }] : []),
    ...(url === undefined || URL.canParse(url)
      ? []
      : [{ pointer: 'CHIMERA_GATEWAY_URL', detail: 'is not a URL' }]),
  ]
  if (url === undefined || token === undefined || faults.length > 0) throw new ConfigError(faults)
  return openGatewayApi({ url, token })
}
