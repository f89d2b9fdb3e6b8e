const LIST_LENGTH = 1000

/** A list as it travels. */
export async function* listParts<T>(items: AsyncIterable<T>): AsyncGenerator<Uint8Array> {
  let list: T[] = []
  for await (const item of items) {
    list.push(item)
    if (list.length < LIST_LENGTH) continue
    yield Buffer.from(JSON.stringify(list))
    list = []
  }
  if (list.length > 0) yield Buffer.from(JSON.stringify(list))
}
