import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'

/** What an assignment or a lock hangs on, which is there. */
export interface HeldScope {
  /** As its resource spells it; `''` is the tenant. */
  readonly scope: string
  readonly tenantId: string
  /** Throws unless it is still there: nothing may hang on a name that a later resource could take. */
  requireStill(transaction: Transaction): Promise<void>
}

/** Throws `ResourceNotFound` unless the scope is there; subscription and group have been looked for. */
export const holdScope = async (id: ResourceId, request: ArmRequest, arm: Arm): Promise<HeldScope> => {
  const { scope } = id
  const { origin } = request
  const tenantId = tenantOf(scope, request, arm)
  if (scope.toString() === '') return { scope: '', tenantId, requireStill: async () => {} }
  const missing = () =>
    armError.resourceNotFound(`${scope.type}/${scope.names.join('/')}`, scope.resourceGroup ?? '<null>')
  const document = await arm.resources.find(scope.key)
  // What is no document of its own (a subnet) lies in one.
  const member = document ? undefined : await arm.send({ method: 'GET', path: `${scope}`, caller: arm.itself, origin })
  if (member && (member.status >= 400 || scope.names.length < 2)) throw missing()
  const key = document ? scope.key : scope.parent.key
  return {
    scope: document?.id ?? String((member?.body as { id?: string } | undefined)?.id ?? scope),
    tenantId,
    async requireStill(transaction) {
      if (!(await arm.resources.find(key, transaction))) throw missing()
    },
  }
}

/** Whose roles count at a scope: those of the subscription's tenant, above subscriptions those of the caller's. */
export const tenantOf = (scope: ResourceId, { caller }: ArmRequest, arm: Arm): string =>
  (scope.subscriptionId === undefined ? undefined : arm.tenantOf(scope.subscriptionId)) ?? caller.tenantId.toLowerCase()
