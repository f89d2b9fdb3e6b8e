import assert from 'node:assert/strict'
import { createCipheriv, createHash } from 'node:crypto'
import { AnonymousCredential, type ContainerClient, PageBlobClient } from '@azure/storage-blob'

export const mebibyte = 2 ** 20

/** Bytes that no compression makes smaller, the same for the same seed. */
export const noise = (seed: number, sizeBytes: number): Buffer => {
  const key = createHash('sha256').update(String(seed)).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
}

/**
 * A disk as disks are: a boot sector, runs of incompressible data, runs of text, a block that is there twice, and mostly holes.
 * `seed` gives another image of the same kind; a few MiB are the same in all of them.
 */
export const diskImage = (sizeMiB: number, seed = 1): Buffer => {
  const image = Buffer.alloc(sizeMiB * mebibyte)
  image.writeUInt16BE(0x55aa, 510)
  noise(seed, mebibyte).copy(image, mebibyte)
  image.copy(image, 5 * mebibyte + 4096, mebibyte, 2 * mebibyte)
  noise(99, 2 * mebibyte).copy(image, 8 * mebibyte)
  const text = Buffer.from(Array.from({ length: 20_000 }, (_, line) => `${seed} line ${line} of a log file\n`).join(''))
  text.copy(image, 16 * mebibyte + 512)
  noise(seed + 1000, 4096).copy(image, image.length - 4096)
  return image
}

/** The same disk as a fixed VHD: the bytes and a footer of 512 bytes behind them. Written from the format's specification. */
export const fixedVhd = (image: Buffer): Buffer => {
  const footer = Buffer.alloc(512)
  footer.write('conectix', 0, 'latin1')
  footer.writeUInt32BE(2, 8) // features: reserved, always set
  footer.writeUInt32BE(0x10000, 12)
  footer.writeBigUInt64BE(0xffff_ffff_ffff_ffffn, 16) // a fixed disk has no dynamic header
  footer.write('win ', 28, 'latin1')
  footer.writeBigUInt64BE(BigInt(image.length), 40)
  footer.writeBigUInt64BE(BigInt(image.length), 48)
  footer.writeUInt16BE(Math.min(65535, Math.floor(image.length / 512 / 16 / 63)), 56)
  footer.writeUInt8(16, 58)
  footer.writeUInt8(63, 59)
  footer.writeUInt32BE(2, 60) // fixed
  footer.write('0123456789abcdef', 68, 'latin1')
  footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64)
  return Buffer.concat([image, footer])
}

const zeros = Buffer.alloc(4 * mebibyte)

/** Uploads what is not zero, in Put Page calls of 4 MiB, as azcopy does. */
export const uploadPages = async (blob: PageBlobClient, bytes: Buffer): Promise<void> => {
  for (let offset = 0; offset < bytes.length; offset += zeros.length) {
    const part = bytes.subarray(offset, offset + zeros.length)
    if (part.equals(zeros.subarray(0, part.length))) continue
    await blob.uploadPages(part, offset, part.length)
  }
}

/** The blob behind a signed URL that `grant-access` printed; its spelling changed between versions of az. */
export const signedBlob = (access: { accessSas?: string; accessSAS?: string }): PageBlobClient => {
  const url = access.accessSas ?? access.accessSAS
  assert.ok(url, 'No signed URL came back.')
  return new PageBlobClient(url, new AnonymousCredential())
}

/** A new page blob of the container with these bytes. */
export const uploadBlob = async (container: ContainerClient, name: string, bytes: Buffer): Promise<PageBlobClient> => {
  const blob = container.getPageBlobClient(name)
  await blob.create(bytes.length)
  await uploadPages(blob, bytes)
  return blob
}

/** Every byte behind a signed URL, by parallel range reads. */
export const download = async (blob: PageBlobClient): Promise<Buffer> =>
  await blob.downloadToBuffer(undefined, undefined, { blockSize: 8 * mebibyte, concurrency: 4 })

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** A disk is exported as a fixed VHD: these bytes, then a footer that says how many they are. */
export const assertVhdOf = (exported: Buffer, image: Buffer): void => {
  assert.equal(exported.length, image.length + 512)
  assert.equal(sha256(exported.subarray(0, image.length)), sha256(image))
  const footer = exported.subarray(image.length)
  assert.equal(footer.toString('latin1', 0, 8), 'conectix')
  assert.equal(footer.readBigUInt64BE(48), BigInt(image.length))
}
