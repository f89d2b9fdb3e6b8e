import type { Clock } from '#foundation/clock.ts'
import { accessToken } from './access-token.ts'
import { type ArmClient, armClient } from './arm-client.ts'
import { type HttpsClient, httpsClient } from './https-client.ts'
import type { ServerAccess } from './server-access.ts'
import { type ServerAdmin, serverAdmin } from './server-admin.ts'

/** Everything that a command needs to talk to one server. */
export interface Client {
  readonly access: ServerAccess
  readonly arm: ArmClient
  /** The server's own endpoints beside ARM. */
  readonly admin: ServerAdmin
  /** Microsoft Graph, as far as the server has it: the directory of the caller's tenant. */
  readonly graph: ArmClient
  /** For signed URLs, which need no token. */
  readonly https: HttpsClient
  readonly clock: Clock
  close(): void
}

export const openClient = (access: ServerAccess, clock: Clock): Client => {
  const https = httpsClient(access.ca)
  const token = accessToken(access, https, clock)
  const arm = armClient({ url: access.url, https, token, clock })
  const graphUrl = `${access.url}/msgraph`
  const graphToken = accessToken(access, https, clock, graphUrl)
  const graph = armClient({ url: `${graphUrl}/v1.0`, https, token: graphToken, clock })
  return { access, arm, graph, admin: serverAdmin(arm), https, clock, close: () => https.close() }
}
