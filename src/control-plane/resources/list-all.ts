import type { Transaction } from '#foundation/database.ts'
import type { ResourceDocument } from './resource-document.ts'
import type { Resources, Selection } from './resources.ts'

/** Every document of a selection, read page by page as they are asked for. */
export async function* eachDocument(
  resources: Pick<Resources, 'list'>,
  selection: Omit<Selection, 'after'>,
  transaction?: Transaction,
): AsyncGenerator<ResourceDocument> {
  let after: string | undefined
  do {
    const page = await resources.list({ ...selection, ...(after === undefined ? {} : { after }) }, transaction)
    yield* page.documents
    after = page.next
  } while (after !== undefined)
}

/** Every document of a selection at once, however many pages that are. */
export const listAll = async (
  resources: Pick<Resources, 'list'>,
  selection: Omit<Selection, 'after' | 'limit'>,
  transaction?: Transaction,
): Promise<readonly ResourceDocument[]> => {
  const found: ResourceDocument[] = []
  for await (const document of eachDocument(resources, selection, transaction)) found.push(document)
  return found
}
