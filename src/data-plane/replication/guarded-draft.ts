import type { Draft } from '#data-plane/chunks/chunk-store.ts'
import { type StoreSlot, StoreUnreachable } from './store-slot.ts'

/** A draft whose failures name the store that is gone. */
export const guardedDraft = (slot: StoreSlot, draft: Draft): Draft => ({
  id: draft.id,
  get sizeBytes() {
    return draft.sizeBytes
  },
  get written() {
    return draft.written
  },
  begin: manifest => slot.run(() => draft.begin(manifest)),
  write: (offset, bytes) => slot.run(() => draft.write(offset, bytes)),
  clear: (offset, length) => slot.run(() => draft.clear(offset, length)),
  resize: sizeBytes => slot.run(() => draft.resize(sizeBytes)),
  bytes() {
    const bytes = draft.bytes()
    return {
      get sizeBytes() {
        return bytes.sizeBytes
      },
      extents: () => bytes.extents(),
      read: (offset, target) => slot.run(() => bytes.read(offset, target)),
      close: () => bytes.close(),
    }
  },
  seal: hold => slot.run(() => draft.seal(hold)),
  discard: () => slot.run(() => draft.discard()),
})

/** What is known of a draft: where it was found, and what kept a store from being asked. */
export interface StoredDrafts {
  readonly found: Draft | undefined
  readonly away: StoreUnreachable | undefined
}

/**
 * Looks for a draft in all of some stores. It may be in two, when it was begun anew while the store of the first was away; nobody had written to
 * that one. The one that has something counts, the other one is given up.
 */
export const storedDrafts = async (slots: readonly StoreSlot[], id: string): Promise<StoredDrafts> => {
  const drafts: Draft[] = []
  let away: StoreUnreachable | undefined
  for (const slot of slots) {
    try {
      const draft = await slot.run(store => store.findDraft(id))
      if (draft) drafts.push(guardedDraft(slot, draft))
    } catch (error) {
      if (!(error instanceof StoreUnreachable)) throw error
      away = error
    }
  }
  return { found: drafts.length > 1 ? await theOneOf(drafts) : drafts[0], away }
}

const theOneOf = async (drafts: readonly Draft[]): Promise<Draft | undefined> => {
  const areEmpty = await Promise.all(drafts.map(isEmpty))
  const written = areEmpty.indexOf(false)
  const one = drafts[Math.max(written, 0)]
  for (const [i, draft] of drafts.entries()) if (draft !== one && areEmpty[i]) await draft.discard()
  return one
}

const isEmpty = async (draft: Draft): Promise<boolean> => {
  for await (const _ of draft.bytes().extents()) return false
  return true
}
