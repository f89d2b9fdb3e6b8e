import { armError } from '#arm/arm-error.ts'
import type { Action } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { machineOf } from './machine-document.ts'

const DEFAULT_MINUTES = 120
const MAX_MINUTES = 1440

/** Signed URLs of a machine's console log and of its screen, good for 120 minutes unless said otherwise. */
export const retrieveBootDiagnosticsData = ({ hosting }: ComputeParts): Action => ({
  permission: 'retrieveBootDiagnosticsData/action',
  async run({ document, request }, { clock }) {
    const given = request.query.get('sasuriexpirationtimeinminutes')
    const minutes = given === undefined ? DEFAULT_MINUTES : Number(given)
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES)
      throw armError.outOfRange(minutes, 'sasUriExpirationTimeInMinutes', 1, MAX_MINUTES)
    const expires = new Date(clock.now().getTime() + minutes * 60_000)
    const { vmId } = machineOf(document)
    const url = (kind: Parameters<typeof hosting.diagnosticsUrl>[2]) =>
      hosting.diagnosticsUrl(request.origin, vmId, kind, expires)
    return {
      status: 200,
      body: { consoleScreenshotBlobUri: url('screenshot.png'), serialConsoleLogBlobUri: url('serialconsole.log') },
    }
  },
})
