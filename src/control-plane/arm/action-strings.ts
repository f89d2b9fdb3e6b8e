import type { JsonObject } from '#resources/resource-document.ts'
import type { Provider, ResourceType } from './resource-type.ts'

/** Something that can be allowed: `Microsoft.Compute/disks/write`. */
export interface ActionString {
  readonly action: string
  /** The type that it is done to; the namespace for actions on a provider. */
  readonly on: string
  readonly isDataAction: boolean
}

/** Everything that a role can allow on a type: its verbs, its actions, and what others ask for when they refer to it. */
export const actionsOfType = (type: ResourceType): ActionString[] => {
  const { computed, actions, unstoredActions, linkedActions = [], dataActions = [] } = type
  const isRead = type.plan ?? computed?.get ?? computed?.list ?? computed?.one ?? computed?.answer
  const permissions = [
    isRead && 'read',
    (type.plan ?? computed?.write) && 'write',
    (type.plan ?? computed?.remove) && 'delete',
    ...[actions, unstoredActions, /\/providers$/.test(type.type) ? undefined : computed?.actions].flatMap(known =>
      Object.values(known ?? {}).map(({ permission }) => permission),
    ),
    ...linkedActions,
  ].filter(permission => permission !== undefined)
  return [...new Set(permissions)].map(permission => ({
    action: `${type.type}/${permission}`,
    on: type.type,
    isDataAction: dataActions.includes(permission),
  }))
}

/** Of a provider: its own actions, and those of all of its types. */
export const actionsOf = (provider: Provider): ActionString[] => [
  ...['register/action', ...Object.values(provider.actions ?? {}).map(({ permission }) => permission)].map(
    permission => ({
      action: `${provider.namespace}/${permission}`,
      on: provider.namespace,
      isDataAction: false,
    }),
  ),
  ...provider.types.flatMap(actionsOfType),
]

/** `GET /providers/Microsoft.Compute/operations`: what roles can allow there. */
export const operationsListType = (provider: Provider): ResourceType => ({
  type: `${provider.namespace}/operations`,
  apiVersions: provider.types[0]?.apiVersions ?? [],
  tracked: false,
  openTo: 'tenant',
  computed: { list: async () => actionsOf(provider).map(listed) },
})

const listed = ({ action, on, isDataAction }: ActionString): JsonObject => ({
  name: action,
  isDataAction,
  display: { provider: words(on.split('/')[0] ?? ''), resource: words(on), ...toldOf(action, on) },
})

/** An action in words: `Start virtual machines`. */
export const toldOf = (action: string, on: string): { operation: string; description: string } => {
  const verb = action.slice(on.length + 1).replace(/\/action$/, '')
  const told = `${capital(split(verb))} ${words(on).toLowerCase()}`
  return { operation: told, description: `${told}.` }
}

/** `Microsoft.Compute/virtualMachines` is «Virtual machines», a namespace alone is «Microsoft Compute». */
export const words = (type: string): string => {
  const [namespace = '', ...types] = type.split('/')
  return types.length === 0 ? namespace.replaceAll('.', ' ') : capital(types.map(split).join(' '))
}

const split = (name: string) =>
  name
    .replaceAll('/', ' ')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
