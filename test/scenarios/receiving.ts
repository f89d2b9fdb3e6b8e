import type { ChunkSource, ManifestId, StoredChunk } from '#data-plane/chunks/chunk-store.ts'
import { startHashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { systemClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { systemRandom } from '#foundation/random.ts'

// Takes a manifest over from one store to another, slowly, and says how many chunks were there before and how many came. A process of
// its own, so that it can be killed at any moment.
const [from = '', to = '', manifest = ''] = process.argv.slice(2)
const copyLimits = { leastBytes: 2 ** 40, leastShare: 1, batchBytes: 1024 * 1024 }
const workers = startHashWorkers(1)
const parts = { files: nodeFiles, random: systemRandom, clock: systemClock, workers, copyLimits }
const [source, target] = [await openStore(from, parts), await openStore(to, parts)]
await target.collect() // what a killed receive has left must not look like garbage
const had = (await target.stats()).chunks
console.log('had', had)

let sent = 0
async function* slowly(chunks: AsyncIterable<StoredChunk>): AsyncGenerator<StoredChunk> {
  for await (const chunk of chunks) {
    if (++sent % 2 === 0) await new Promise(resolve => setTimeout(resolve, 5))
    yield chunk
  }
}
const slow: ChunkSource = {
  manifestRoot: id => source.manifestRoot(id),
  chunks: ids => slowly(source.chunks(ids)),
}
await target.receive(manifest as ManifestId, slow, 'v1')
await Promise.all([source.close(), target.close()])
await workers.close()
console.log('sent', sent)
