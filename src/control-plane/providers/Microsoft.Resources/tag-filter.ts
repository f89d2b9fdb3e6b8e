import { armError } from '#arm/arm-error.ts'
import { comparisonOf, filterTerms } from '#arm/filter-terms.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'

/** `$filter` of groups: `tagName eq 'a' and tagValue eq 'b'`, as `az group list --tag` sends it. */
export const tagFilter = (filter: string): ((document: ResourceDocument) => boolean) => {
  const terms = filterTerms(filter).map(comparisonOf)
  const [name, value] = terms
  const asked = terms.map(term => `${term?.field} ${term?.operator}`).join()
  if (!name || !['tagname eq', 'tagname eq,tagvalue eq'].includes(asked))
    throw armError.invalidFilter(filter.slice(0, 200))
  return document => {
    const found = tagOf(document, name.value)
    return found !== undefined && (value === undefined || found === value.value)
  }
}

/** The value of a tag by its name in any case. */
export const tagOf = (document: ResourceDocument, name: string): string | undefined =>
  Object.entries(document.tags ?? {}).find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1]
