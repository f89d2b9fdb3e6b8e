import { element } from '#data-plane/xml/write-xml.ts'

// XML 1.0 has no way at all to write these characters, not even as references.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/** A name of a blob as lists show it: what XML can't carry is sent percent-encoded and marked so (since 2021-02-12). */
export const nameElement = (name: string): string =>
  unwritable.test(name) ? element('Name', encodeURIComponent(name), { Encoded: 'true' }) : element('Name', name)

export const xmlDocument = (root: string): string => `<?xml version="1.0" encoding="utf-8"?>${root}`

export type BlockChoice = 'Committed' | 'Uncommitted' | 'Latest'

// Each begins where the one before ended, and none has two repeats side by side: a hostile body costs no more than its length.
const emptyList = /^(?:<\?xml[^<>]*\?>\s*)?<BlockList\s*\/>$/
const blockListHead = /^(?:<\?xml[^<>]*\?>\s*)?<BlockList\s*>/
const blockEntry = /\s*<(Committed|Uncommitted|Latest)>([^<>&]{1,128})<\/\1>/y
const blockListTail = /\s*<\/BlockList>$/y

/**
 * The body of Put Block List. `undefined` for anything but a flat list of block ids: no document types, no entities, no comments,
 * so that there is nothing to expand and nothing to recurse into.
 */
export const parseBlockList = (body: string): { choice: BlockChoice; id: string }[] | undefined => {
  const text = body.trim() // of a byte order mark too
  if (emptyList.test(text)) return []
  const head = blockListHead.exec(text)
  if (!head) return undefined
  const blocks: { choice: BlockChoice; id: string }[] = []
  blockEntry.lastIndex = head[0].length
  for (;;) {
    const from = blockEntry.lastIndex
    const entry = blockEntry.exec(text)
    if (!entry) {
      blockListTail.lastIndex = from
      return blockListTail.test(text) ? blocks : undefined
    }
    blocks.push({ choice: entry[1] as BlockChoice, id: (entry[2] ?? '').trim() })
  }
}
