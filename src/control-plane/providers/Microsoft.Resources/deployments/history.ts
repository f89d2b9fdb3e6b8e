import type { Arm } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'

/** How many deployments a scope remembers; as in Azure, the oldest make room for new ones. */
const MAX_HISTORY = 800

/** The oldest deployments of the scope that are over and have to go so that one more fits. */
export const findSuperfluous = async (
  { type, parentKey }: ResourceDocument,
  arm: Arm,
): Promise<readonly ResourceDocument[]> => {
  const count = await arm.resources.count({ type, parentKey })
  if (count < MAX_HISTORY) return []
  const documents = await listAll(arm.resources, { type, parentKey })
  return documents
    .filter(({ provisioningState }) => /^(Succeeded|Failed|Canceled)$/.test(provisioningState))
    .toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)))
    .slice(0, count + 1 - MAX_HISTORY)
}

const timeOf = ({ properties }: ResourceDocument) => String(properties.timestamp)
