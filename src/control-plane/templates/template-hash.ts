import type { Json } from '#resources/resource-document.ts'
import { murmur64 } from './functions/hashes.ts'
import { isJsonObject } from './values.ts'

/** A number that is the same for templates of the same content, however their members are ordered and their text is laid out. */
export const templateHash = (template: Json): string =>
  murmur64(Buffer.from(JSON.stringify(inOrder(template)))).toString()

const inOrder = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(inOrder)
  if (!isJsonObject(value)) return value
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, inOrder(member as Json)]))
}
