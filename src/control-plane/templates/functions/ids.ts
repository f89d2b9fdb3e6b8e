import { fault } from '../template-fault.ts'
import { ANY, type Arguments, type Call, type FunctionTable, of } from './function.ts'

/** Functions that make resource ids. They only put words together: nobody looks whether the resource is there. */
export const ids: FunctionTable = {
  resourceId: of(2, ANY, (given, call) => resourceId(given, call)),
  subscriptionResourceId: of(2, ANY, (given, call) => {
    const [before, type, names] = splitBefore(given, call, 1)
    const subscription = before[0] ?? subscriptionOf(call)
    return `/subscriptions/${subscription}/providers/${typed(type, names, call)}`
  }),
  tenantResourceId: of(2, ANY, (given, call) => {
    const [, type, names] = splitBefore(given, call, 0)
    return `/providers/${typed(type, names, call)}`
  }),
  extensionResourceId: of(3, ANY, (given, call) => {
    const scope = given.text(0).replace(/\/$/, '')
    const names = given.values.slice(2).map((_, at) => given.text(at + 2))
    return `${scope}/providers/${typed(given.text(1), names, call)}`
  }),
  managementGroupResourceId: of(2, ANY, () => {
    throw fault.notServed('The template function managementGroupResourceId: a management group')
  }),
}

/** `[subscription,] [group,] type, names...`: how many come before the type follows from what looks like one. */
const resourceId = (given: Arguments, call: Call): string => {
  const { surroundings } = call.frame
  const [before, type, names] = splitBefore(given, call, 2)
  if (surroundings.scope === 'tenant' && before.length === 0) return `/providers/${typed(type, names, call)}`
  if (surroundings.scope === 'subscription' && before.length < 2)
    return `/subscriptions/${before[0] ?? subscriptionOf(call)}/providers/${typed(type, names, call)}`
  const group = before.at(-1) ?? String(surroundings.resourceGroup().name)
  const subscription = before.length === 2 ? before[0] : subscriptionOf(call)
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/${typed(type, names, call)}`
}

const subscriptionOf = (call: Call): string => String(call.frame.surroundings.subscription().subscriptionId)

const splitBefore = (given: Arguments, call: Call, most: number): [string[], string, string[]] => {
  const texts = given.values.map((_, at) => given.text(at))
  const at = texts.findIndex(text => text.includes('/'))
  if (at < 0 || at > most)
    throw fault.value(call.name, 'a fully qualified resource type, as in Microsoft.Compute/galleries, is expected.')
  return [texts.slice(0, at), texts[at] as string, texts.slice(at + 1)]
}

/** `A/b/c` with the names `x`, `y` is `A/b/x/c/y`. */
export const typed = (type: string, names: readonly string[], call: { readonly name: string }): string => {
  const [namespace = '', ...types] = type.split('/').filter(part => part !== '')
  // A name may carry the names of its parents, too: resourceId('A/b/c', 'x/y').
  const parts = types.length === names.length ? names : names.flatMap(name => name.split('/'))
  if (types.length === 0 || types.length !== parts.length)
    throw fault.value(
      call.name,
      `the type '${type.slice(0, 200)}' requires '${types.length}' resource name argument(s), '${names.length}' were given.`,
    )
  return [namespace, ...types.flatMap((segment, at) => [segment, parts[at] as string])].join('/')
}
