import { actionTest } from './action-pattern.ts'

/** What a role allows, as Azure writes it: `notActions` are taken from `actions`, `notDataActions` from `dataActions`. */
export interface Permission {
  readonly actions: readonly string[]
  readonly notActions: readonly string[]
  readonly dataActions: readonly string[]
  readonly notDataActions: readonly string[]
}

export interface Role {
  /** The GUID that names it, in lower case. */
  readonly name: string
  readonly roleName: string
  readonly description: string
  readonly type: 'BuiltInRole' | 'CustomRole'
  readonly permissions: readonly Permission[]
  /** Where it can be assigned: resource ids, or `/`. */
  readonly assignableScopes: readonly string[]
  /** Of a custom role: the only tenant that knows it. */
  readonly tenantId?: string
  readonly createdOn: string
  readonly updatedOn: string
  readonly createdBy?: string
  readonly updatedBy?: string
}

/** Actions act on a resource, data actions on what lies in it. */
export type ActionKind = 'actions' | 'dataActions'

/** A role as questions are put to it; actions come in lower case. */
export interface Grant {
  allows(action: string, kind: ActionKind): boolean
}

/** What a role excludes, it excludes as a whole; what another role of the same principal allows is that one's matter. */
export const grantOf = ({ permissions }: Pick<Role, 'permissions'>): Grant => {
  const testOf = (member: keyof Permission) => actionTest(permissions.flatMap(permission => permission[member]))
  const actions = { granted: testOf('actions'), excluded: testOf('notActions') }
  const dataActions = { granted: testOf('dataActions'), excluded: testOf('notDataActions') }
  return {
    allows(action, kind) {
      const { granted, excluded } = kind === 'actions' ? actions : dataActions
      return granted(action) && !excluded(action)
    },
  }
}
