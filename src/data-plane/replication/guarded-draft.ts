import type { Draft } from '#data-plane/chunks/chunk-store.ts'
import type { StoreSlot } from './store-slot.ts'

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
