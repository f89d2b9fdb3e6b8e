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
  /** For signed URLs, which need no token. */
  readonly https: HttpsClient
  readonly clock: Clock
  close(): void
}

export const openClient = (access: ServerAccess, clock: Clock): Client => {
  const https = httpsClient(access.ca)
  const token = accessToken(access, https, clock)
  const arm = armClient({ url: access.url, https, token, clock })
  return { access, arm, admin: serverAdmin(arm), https, clock, close: () => https.close() }
}
