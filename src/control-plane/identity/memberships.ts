/** Who is in which group, in memory: every request asks, and must not wait for the database. */
export interface Memberships {
  /** All groups that a principal or group is in, through other groups too; ids in lower case. */
  groupsOf(objectId: string): readonly string[]
  /** Those that it is itself a member of. */
  directGroupsOf(objectId: string): readonly string[]
  add(groupId: string, memberId: string): void
  remove(groupId: string, memberId: string): void
  /** Neither a member nor a group any more. */
  forget(objectId: string): void
}

const none: readonly string[] = []

/** The memberships as pairs `[groupId, memberId]`, and how they are kept from there. */
export const openMemberships = (pairs: Iterable<readonly [string, string]>): Memberships => {
  const direct = new Map<string, Set<string>>()
  /** Answers that were worked out since the last change. */
  const known = new Map<string, readonly string[]>()

  const add = (groupId: string, memberId: string) => {
    const groups = direct.get(memberId) ?? new Set()
    direct.set(memberId, groups.add(groupId))
    known.clear()
  }
  const remove = (groupId: string, memberId: string) => {
    direct.get(memberId)?.delete(groupId)
    known.clear()
  }
  const upwards = (objectId: string): readonly string[] => {
    const found = new Set<string>()
    const next = [objectId]
    for (let at = next.pop(); at !== undefined; at = next.pop())
      for (const group of direct.get(at) ?? none)
        if (!found.has(group)) {
          found.add(group)
          next.push(group)
        }
    return [...found]
  }

  for (const [groupId, memberId] of pairs) add(groupId, memberId)
  return {
    add,
    remove,
    groupsOf(objectId) {
      const id = objectId.toLowerCase()
      if (!direct.has(id)) return none
      const groups = known.get(id) ?? upwards(id)
      known.set(id, groups)
      return groups
    },
    directGroupsOf: objectId => [...(direct.get(objectId.toLowerCase()) ?? none)],
    forget(objectId) {
      direct.delete(objectId)
      for (const groups of direct.values()) groups.delete(objectId)
      known.clear()
    },
  }
}
