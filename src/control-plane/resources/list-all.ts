import type { Transaction } from '#foundation/database.ts'
import type { ResourceDocument } from './resource-document.ts'
import type { Resources, Selection } from './resources.ts'

/** Every document of a selection, however many pages that are. */
export const listAll = async (
  resources: Pick<Resources, 'list'>,
  selection: Omit<Selection, 'after' | 'limit'>,
  transaction?: Transaction,
): Promise<readonly ResourceDocument[]> => {
  const found: ResourceDocument[] = []
  let after: string | undefined
  do {
    const page = await resources.list({ ...selection, ...(after === undefined ? {} : { after }) }, transaction)
    found.push(...page.documents)
    after = page.next
  } while (after !== undefined)
  return found
}
