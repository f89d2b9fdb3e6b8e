import type { Split, Squeezed } from './chunk-kernel.ts'

/** Threads that do what a kernel does. Buffers come from `allocate`, so that no byte is copied between threads. */
export interface HashThreads {
  allocate(sizeBytes: number): Uint8Array
  split(bytes: Uint8Array, start: number, end: number, nominalBytes: number): Promise<Split>
  squeeze(bytes: Uint8Array, ranges: Uint32Array, target: Uint8Array): Promise<Squeezed>
  /** Without a `target` the chunks are only checked. `stored` may be memory of any kind. */
  unsqueeze(stored: Uint8Array, items: Uint32Array, ids: Uint8Array, target?: Uint8Array): Promise<Uint8Array>
  /** What `unpack` of the kernel does. The files stay open until it has ended. */
  unpack(items: Float64Array, ids: Uint8Array, file: number): Promise<Uint8Array>
  close(): Promise<void>
}
