import { armError } from '#arm/arm-error.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'

/** `$filter` of groups: `tagName eq 'a' and tagValue eq 'b'`, as `az group list --tag` sends it. */
export const tagFilter = (filter: string, document: ResourceDocument): boolean => {
  const [, name, , value] = /^\s*tagname eq '([^']*)'(\s+and\s+tagvalue eq '([^']*)')?\s*$/i.exec(filter) ?? []
  if (name === undefined) throw armError.invalidFilter(filter.slice(0, 200))
  const tag = Object.entries(document.tags ?? {}).find(([known]) => known.toLowerCase() === name.toLowerCase())
  return tag !== undefined && (value === undefined || tag[1] === value)
}
