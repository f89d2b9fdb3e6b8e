import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ResourceType } from '#arm/resource-type.ts'
import { readTags } from '#arm/verbs/tags.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { Json } from '#resources/resource-document.ts'

const TYPE = 'Microsoft.Resources/subscriptions/tagNames'
const apiVersions = ['2024-11-01', '2022-09-01', '2021-04-01', '2020-10-01', '2019-10-01']

/** How often each value of each tag is used; names and values that were only declared count 0. */
type Usage = Map<string, { name: string; values: Map<string, number> }>

const usageOf = async (subscription: ResourceId, arm: Arm): Promise<Usage> => {
  const usage: Usage = new Map()
  const at = (name: string) => {
    const known = usage.get(name.toLowerCase())
    if (known) return known
    const made = { name, values: new Map<string, number>() }
    usage.set(name.toLowerCase(), made)
    return made
  }
  const document = await arm.resources.find(subscription.key)
  for (const [name, values] of Object.entries(declaredOf(document?.hidden.tagNames)))
    for (const value of [...values, undefined]) value === undefined ? at(name) : at(name).values.set(value, 0)
  for await (const { tags = {} } of eachDocument(arm.resources, { subscriptionId: subscription.name }))
    for (const [name, value] of Object.entries(tags)) {
      const { values } = at(name)
      values.set(value, (values.get(value) ?? 0) + 1)
    }
  return usage
}

type Declared = Readonly<Record<string, readonly string[]>>
const declaredOf = (hidden: unknown): Declared => (hidden ?? {}) as Declared
/** A name may be one that every JavaScript object has: `constructor`. */
const valuesOf = (declared: Declared, name: string): readonly string[] =>
  Object.hasOwn(declared, name) ? (declared[name] ?? []) : []
/** They are kept with the subscription, which is read and written as a whole. */
const MAX_DECLARED = 10_000

/** Changes what is declared of a name; `change` is given it as it was declared first, in whatever letters it is asked for now. */
const declare = async (
  { name: asked, parent }: ResourceId,
  request: ArmRequest,
  arm: Arm,
  change: (declared: Declared, name: string) => Declared,
) => {
  await arm.transact(async transaction => {
    const document = await arm.resources.find(parent.key, transaction)
    if (!document) throw armError.subscriptionNotFound(parent.name)
    const declared = declaredOf(document.hidden.tagNames)
    const name = Object.keys(declared).find(known => known.toLowerCase() === asked.toLowerCase()) ?? asked
    const tagNames = change(declared, name)
    const count = Object.values(tagNames).reduce((sum, values) => sum + 1 + values.length, 0)
    if (count > MAX_DECLARED)
      throw armError.invalidTags(`At most ${MAX_DECLARED} names and values of tags can be declared beforehand.`)
    await request.activity?.note(transaction, 'Succeeded', 200)
    await arm.resources.update(transaction, { ...document, hidden: { ...document.hidden, tagNames } })
  })
}

const shown = (subscription: ResourceId, { name, values }: { name: string; values: Map<string, number> }): Json => ({
  id: `${subscription}/tagNames/${name}`,
  tagName: name,
  count: { type: 'Total', value: [...values.values()].reduce((sum, count) => sum + count, 0) },
  values: [...values].map(([value, count]) => ({
    id: `${subscription}/tagNames/${name}/tagValues/${value}`,
    tagValue: value,
    count: { type: 'Total', value: count },
  })),
})

const showOne = async (subscription: ResourceId, name: string, arm: Arm): Promise<Json> => {
  const found = (await usageOf(subscription, arm)).get(name.toLowerCase())
  return shown(subscription, found ?? { name, values: new Map() })
}

/** The tag names of a subscription: those in use and those declared beforehand (`az tag create --name`). */
const tagNamesType: ResourceType = {
  type: TYPE,
  apiVersions,
  tracked: false,
  computed: {
    async list(parent, _request, arm) {
      return [...(await usageOf(parent, arm)).values()].map(tag => shown(parent, tag))
    },
    async write(_verb, id, request, arm) {
      readTags({ [id.name]: '' })
      await declare(id, request, arm, (declared, name) => ({ ...declared, [name]: valuesOf(declared, name) }))
      return { status: 200, headers: {}, body: await showOne(id.parent, id.name, arm), isWrittenDown: true }
    },
    async remove(id, request, arm) {
      const used = (await usageOf(id.parent, arm)).get(id.name.toLowerCase())
      if ([...(used?.values.values() ?? [])].some(count => count > 0)) throw armError.tagInUse(id.name)
      await declare(id, request, arm, (declared, name) => {
        const { [name]: _gone, ...others } = declared
        return others
      })
      return { status: 200, headers: {}, isWrittenDown: true }
    },
  },
}

const countOf = async ({ name, parent }: ResourceId, arm: Arm): Promise<number> =>
  (await usageOf(parent.parent, arm)).get(parent.name.toLowerCase())?.values.get(name) ?? 0

const tagValuesType: ResourceType = {
  type: `${TYPE}/tagValues`,
  apiVersions,
  tracked: false,
  computed: {
    async write(_verb, id, request, arm) {
      readTags({ [id.parent.name]: id.name })
      await declare(id.parent, request, arm, (declared, name) => ({
        ...declared,
        [name]: [...new Set([...valuesOf(declared, name), id.name])],
      }))
      const count = { type: 'Total', value: await countOf(id, arm) }
      return { status: 200, headers: {}, body: { id: `${id}`, tagValue: id.name, count }, isWrittenDown: true }
    },
    async remove(id, request, arm) {
      if ((await countOf(id, arm)) > 0) throw armError.tagInUse(`${id.parent.name}=${id.name}`)
      await declare(id.parent, request, arm, (declared, name) => {
        const left = valuesOf(declared, name).filter(value => value !== id.name)
        return Object.hasOwn(declared, name) ? { ...declared, [name]: left } : declared
      })
      return { status: 200, headers: {}, isWrittenDown: true }
    },
  },
}

export const tagNameTypes: readonly ResourceType[] = [tagNamesType, tagValuesType]
