import type { Arm, ResourceType, View } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { preflightImage } from '../preflight-image.ts'
import { retrieveBootDiagnosticsData } from './boot-diagnostics.ts'
import { instanceView, statusesOf } from './instance-view.ts'
import { diskDocuments } from './machine-disks.ts'
import { hiddenOf, machineOf, machineType } from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import { machineSchema } from './machine-schema.ts'
import { planMachine } from './plan-machine.ts'
import { generalize, powerActions } from './power-actions.ts'
import { capture, reimage } from './reimage.ts'
import { runCommand } from './run-command.ts'

/** Virtual machines: documents here, processes of QEMU on the host, disks and network interfaces as resources of their own. */
export const virtualMachineType = (parts: ComputeParts): ResourceType => ({
  type: machineType,
  apiVersions: ['2025-04-01', '2024-11-01', '2024-07-01', '2024-03-01', '2023-09-01', '2022-11-01', '2020-06-01'],
  tracked: true,
  schema: machineSchema,
  bodyName: 'virtualMachine',
  operationsType: 'Microsoft.Compute/locations/operations',
  checkName(name) {
    if (name.length > 64 || !/^[a-z0-9]([\w.-]*\w)?$/i.test(name)) throw machineError.nameInvalid(name)
  },
  plan: (change, arm) => planMachine(change, arm, parts),
  preflight: preflightImage(['properties', 'storageProfile', 'imageReference']),
  planDelete: async () => ({ work: { kind: 'delete machine', input: {} } }),
  actions: {
    ...powerActions,
    generalize: generalize(parts),
    reimage: reimage(parts),
    capture,
    runCommand: runCommand(parts),
    retrieveBootDiagnosticsData: retrieveBootDiagnosticsData(parts),
  },
  expands: ['instanceview', 'userdata'],
  present: (document, view, arm) => present(document, view, arm, parts),
})

const present = async (document: ResourceDocument, view: View, arm: Arm, { hosting }: ComputeParts) => {
  const properties = shownProperties(document, view)
  const state = () => hosting.machines.state(machineOf(document).vmId)
  if (view.verb === 'list' && view.request.query.get('statusonly') === 'true')
    return { properties: { ...properties, instanceView: { statuses: statusesOf(document, await state()) as never } } }
  if (!view.expand.has('instanceview')) return { properties }
  const disks = await diskDocuments(document, arm)
  return { properties: { ...properties, instanceView: instanceView(document, await state(), disks) } }
}

const shownProperties = (document: ResourceDocument, { expand }: View): JsonObject => {
  const { userData } = hiddenOf(document)
  return { ...document.properties, ...(expand.has('userdata') && userData ? { userData } : {}) }
}
