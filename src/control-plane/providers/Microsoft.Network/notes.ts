import type { Arm } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { DocumentChanged } from '#resources/resources.ts'

/**
 * Changes what a document that is referred to notes of who refers to it, in the commit that saves the reference: both are always
 * true together. Throws `DocumentChanged` when it is gone, so that the request is decided anew.
 */
export const note = async (
  transaction: Transaction,
  arm: Arm,
  key: string,
  change: (
    document: ResourceDocument,
  ) => Pick<ResourceDocument, 'hidden'> & Partial<Pick<ResourceDocument, 'properties'>>,
): Promise<ResourceDocument> => {
  const document = await arm.resources.find(key, transaction)
  if (!document) throw new DocumentChanged(key)
  return arm.resources.update(transaction, { ...document, ...change(document), etag: arm.random.uuid() })
}

/** Ids of what uses a security group: network interfaces and subnets. */
export const usersOf = (group: ResourceDocument): readonly string[] => (group.hidden.users ?? []) as readonly string[]

/** Has a security group (by its id) no longer be used by `user`, and another one be used by it. */
export const moveUse = async (
  transaction: Transaction,
  arm: Arm,
  user: string,
  from: string | undefined,
  to: string | undefined,
): Promise<void> => {
  const [old, next] = [from?.toLowerCase(), to?.toLowerCase()]
  if (old === next) return
  const others = (group: ResourceDocument) => usersOf(group).filter(id => id.toLowerCase() !== user.toLowerCase())
  const write = (key: string, users: (group: ResourceDocument) => readonly string[]) =>
    note(transaction, arm, key, group => ({ hidden: { ...group.hidden, users: users(group) } }))
  if (old !== undefined) await write(old, others)
  if (next !== undefined) await write(next, group => [...others(group), user])
}
