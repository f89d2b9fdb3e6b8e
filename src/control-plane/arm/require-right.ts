import { armError } from './arm-error.ts'
import type { ResourceId } from './resource-id.ts'
import type { Arm, Caller } from './resource-type.ts'

/** Refuses who may not do `action` to what a request names beside its own path. */
export const requireRight = async (caller: Caller, action: string, id: ResourceId, arm: Arm): Promise<void> => {
  if (!(await arm.mayDo(caller, action, id)))
    throw armError.authorizationFailed(caller.clientId, caller.objectId, action, `${id}`)
}
