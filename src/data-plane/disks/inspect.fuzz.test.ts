import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { decodeVhd } from './decode-disk.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'
import { type DiskFormat, inspectDisk } from './inspect.ts'
import { openQcow2 } from './open-qcow2.ts'
import * as sample from './sample-disks.contract.ts'

interface Case {
  readonly name: string
  readonly file: Buffer
  /** Where its structures lie: mutations go there. */
  readonly places: readonly (readonly [start: number, end: number])[]
  readonly mend?: (file: Buffer) => Buffer
  readonly runs: number
}

const vhdx = sample.vhdxPlaces
const cases: readonly Case[] = [
  {
    name: 'qcow2 v2',
    file: sample.sampleQcow2(2),
    places: [
      [0, 512],
      [1536, 2560],
    ],
    runs: 1200,
  },
  {
    name: 'qcow2 v3',
    file: sample.sampleQcow2(3),
    places: [
      [0, 512],
      [1536, 2560],
    ],
    runs: 1200,
  },
  {
    name: 'fixed VHD',
    file: sample.sampleFixedVhd(),
    places: [[2 ** 20, 2 ** 20 + 512]],
    mend: sample.mendVhd,
    runs: 1000,
  },
  {
    name: 'dynamic VHD',
    file: sample.sampleDynamicVhd(),
    places: [
      [0, 100],
      [512, 600],
      [1536, 1700],
      [6656, 6750],
    ],
    mend: sample.mendVhd,
    runs: 1200,
  },
  {
    name: 'sparse VMDK',
    file: sample.sampleVmdk(),
    places: [
      [0, 1024],
      [10_752, 11_900],
    ],
    runs: 1200,
  },
  {
    name: 'VMDK stream',
    file: sample.sampleVmdkStream(),
    places: [
      [0, 1024],
      [10_752, 11_900],
      [17_408, 18_944],
    ],
    runs: 1200,
  },
  {
    name: 'VHDX',
    file: sample.sampleVhdx(),
    places: [
      [65_536, 65_620],
      [196_608, 196_700],
      [vhdx.metadata, vhdx.metadata + 200],
      [vhdx.parameters, vhdx.parameters + 8],
      [vhdx.bat, vhdx.bat + 16],
    ],
    mend: file => {
      file.copy(file, 256 * 1024, 192 * 1024, 193 * 1024) // both copies of a hostile file would agree
      return sample.mendVhdx(file)
    },
    runs: 60,
  },
]

/** Values that break careless arithmetic, beside plain chance. */
const nasty = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff]

/** Changes a few places and gives back how they were. */
const mutate = (file: Buffer, { places }: Case, random: () => number): [at: number, byte: number][] => {
  const undo: [number, number][] = []
  for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
    const [start, end] = places[Math.floor(random() * places.length)] ?? [0, 1]
    const at = start + Math.floor(random() * (end - start))
    const length = random() < 0.3 ? 8 : random() < 0.5 ? 4 : 1
    const value = random() < 0.5 ? (nasty[Math.floor(random() * nasty.length)] ?? 0) : Math.floor(random() * 256)
    for (let index = at; index < Math.min(at + length, file.length); index++) {
      undo.push([index, file[index] ?? 0])
      file[index] = value
    }
  }
  return undo.reverse()
}

/** Fails on reads outside of the file; sums up what is read. */
const watched = (file: Buffer): { bytes: SparseBytes; read: () => number } => {
  const bytes = bytesOf(file)
  let total = 0
  const read = async (offset: number, target: Uint8Array) => {
    assert.ok(Number.isSafeInteger(offset) && offset >= 0 && offset + target.length <= file.length, `read at ${offset}`)
    total += target.length
    await bytes.read(offset, target)
  }
  return { bytes: { ...bytes, read }, read: () => total }
}

const judge = async (file: Buffer): Promise<DiskFormat | undefined> => {
  const { bytes, read } = watched(file)
  try {
    return await inspectDisk(bytes)
  } catch (error) {
    if (!(error instanceof HostileDisk || error instanceof UnsupportedDisk)) throw error
    return undefined
  } finally {
    assert.ok(read() <= 3 * file.length + 65_536, `${read()} bytes were read of a file of ${file.length}`)
  }
}

/** Reads the ends of every extent of a disk that was accepted. Only a compressed cluster may still turn out to be damaged. */
const decode = async (file: Buffer, { name }: DiskFormat): Promise<void> => {
  const { bytes } = watched(file)
  const image = name === 'qcow2' ? await openQcow2(bytes) : (await decodeVhd(bytes)).image
  let count = 0
  for await (const { offset, length } of image.extents()) {
    try {
      await image.read(offset, Buffer.alloc(Math.min(length, 10_000)))
      await image.read(offset + length - 1, Buffer.alloc(1))
    } catch (error) {
      if (!(error instanceof HostileDisk && name === 'qcow2')) throw error
    }
    if (++count > 100) break
  }
}

test('mutated and cut files of every format are refused or decode; nothing crashes, hangs or reads outside of the file', async () => {
  for (const [index, one] of cases.entries()) {
    const seed = 4711 + index
    const { next } = seededRandom(seed)
    const tally = { accepted: 0, refused: 0 }
    const file = Buffer.from(one.file)
    for (let run = 0; run < one.runs; run++) {
      const undo = mutate(file, one, next)
      if (next() < 0.8) one.mend?.(file)
      const cut = next() < 0.2 ? file.subarray(0, Math.floor(next() * file.length)) : file
      try {
        const format = await judge(cut)
        tally[format ? 'accepted' : 'refused']++
        if (format)
          assert.ok(format.dataBytes <= Math.max(format.virtualSizeBytes, 1) && format.virtualSizeBytes <= 2 ** 45)
        if (format?.name === 'vhd' || format?.name === 'qcow2') await decode(cut, format)
      } catch (error) {
        throw new Error(`${one.name}, seed ${seed}, run ${run}`, { cause: error })
      }
      for (const [at, byte] of undo) file[at] = byte
      one.mend?.(file)
    }
    // Mutations that are all refused, or none, would say nothing of what lies behind the first check.
    assert.ok(tally.accepted > one.runs / 100 && tally.refused > one.runs / 10, `${one.name}: ${JSON.stringify(tally)}`)
  }
})
