import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ResourceType } from '#arm/resource-type.ts'
import { requireDocument } from '#arm/verbs/preconditions.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { deploymentApiVersions, deploymentType } from '../deployment.ts'
import type { DeploymentParts } from '../deployment-parts.ts'
import type { DeploymentRecord } from '../deployment-store.ts'
import { durationBetween } from '../duration.ts'

/** What became of each resource of a deployment. */
export const deploymentOperationsType = (parts: DeploymentParts): ResourceType => {
  const find = (id: ResourceId, arm: Arm) => requireDocument(id, deploymentType(parts), arm)
  return {
    type: 'Microsoft.Resources/deployments/operations',
    apiVersions: deploymentApiVersions,
    tracked: false,
    computed: {
      async list(deployment, _request, arm) {
        const document = await find(deployment, arm)
        const records = await parts.deployments.records(document.uid)
        return records.map(record => shown(record, document))
      },
      async get(id, _request, arm) {
        const document = await find(id.parent, arm)
        const records = await parts.deployments.records(document.uid)
        const found = records.find(({ operationId }) => operationId.toLowerCase() === id.name.toLowerCase())
        return found && shown(found, document)
      },
    },
  }
}

const shown = (record: DeploymentRecord, document: ResourceDocument): Json => {
  const { operationId, operation, state, startedAt, timestamp, statusCode, statusMessage, target } = record
  return {
    id: `${document.id}/operations/${operationId}`,
    operationId,
    properties: {
      provisioningOperation: operation,
      provisioningState: state,
      timestamp,
      duration: durationBetween(startedAt, timestamp),
      trackingId: String(document.properties.correlationId),
      ...(statusCode === undefined ? {} : { statusCode }),
      ...(statusMessage === undefined ? {} : { statusMessage }),
      ...(target ? { targetResource: target } : {}),
    },
  }
}
