import type { Transaction } from '#foundation/database.ts'
import type { ResourceDocument } from './resource-document.ts'

/** Which documents: exactly one of `parentKey`, `groupKey`, `subscriptionId` or none (all), narrowed by type. */
export interface Selection {
  /** Registered type, any case. */
  readonly type?: string
  readonly parentKey?: string
  readonly groupKey?: string
  readonly subscriptionId?: string
  /** Continue after this sort position, as given by `Page.next`. */
  readonly after?: string
  readonly limit?: number
}

export interface Page {
  readonly documents: readonly ResourceDocument[]
  /** Where the next page begins; absent at the end. */
  readonly next?: string
}

/** Another writer saved the document first. Read it again and decide anew. */
export class DocumentChanged extends Error {
  override readonly name = 'DocumentChanged'
  readonly key: string
  constructor(key: string) {
    super(`${key} was changed by another request.`)
    this.key = key
  }
}

/** The stored documents of all types. Knows neither HTTP nor operations; every write is a compare-and-set in a transaction. */
export interface Resources {
  /** Inside of a transaction pass it: the only connection is taken. */
  find(key: string, transaction?: Transaction): Promise<ResourceDocument | undefined>
  list(selection: Selection, transaction?: Transaction): Promise<Page>
  count(selection: Selection): Promise<number>
  /** Whether anything lies in the resource or group, and the ids of up to `limit` of them. */
  childIds(parentKey: string, limit: number, transaction?: Transaction): Promise<readonly string[]>
  /** Saves a new document. `sortKey` orders it among its siblings (default: the lower-case name). Throws `DocumentChanged` if it exists. */
  insert(transaction: Transaction, document: ResourceDocument, sortKey?: string): Promise<void>
  /** Saves over version `document.version`; the stored one has the next version, which is returned. Throws `DocumentChanged`. */
  update(transaction: Transaction, document: ResourceDocument): Promise<ResourceDocument>
  remove(transaction: Transaction, key: string): Promise<void>
  /** Reads, changes and saves a document, again when another writer came first; `undefined` from `change` leaves it alone. */
  change(
    key: string,
    change: (document: ResourceDocument) => ResourceDocument | undefined,
  ): Promise<ResourceDocument | undefined>
}
