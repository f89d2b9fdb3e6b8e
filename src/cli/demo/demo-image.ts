import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { openRawFile, writeRawFile } from '#data-plane/disks/raw-file.ts'
import type { Random } from '#foundation/random.ts'
import { openDiskFile } from '../images/disk-file.ts'
import { type PickedFile, pickFiles } from './pick-files.ts'

const mib = 2 ** 20
const imageBytes = 512 * mib
const pageBytes = 4096
const limits = { totalBytes: 320 * mib, files: 8000, fileBytes: 64 * mib, entries: 200_000 }
const projectRoot = path.resolve(import.meta.dirname, '../../..')
const folders = ['/usr/bin', '/usr/lib', '/usr/share', path.join(projectRoot, 'node_modules')]

export interface DemoImage {
  readonly file: string
  readonly sizeBytes: number
  /** What it is, in words. */
  readonly what: string
  /** The same in a few words, for the table. */
  readonly summary: string
  /** Makes the next release of it, as a file of its own, and says what changed. */
  change(target: string): Promise<string>
}

/** A disk image out of this machine's own files: an ext4 file system where `mke2fs` is installed, else the bare files one by one. */
export const makeDemoImage = async (folder: string, random: Random): Promise<DemoImage> => {
  const files = await pickFiles(folders, limits)
  const file = path.join(folder, 'image-1.0.0.raw')
  const mke2fs = await findTool('mke2fs')
  if (mke2fs) return await makeExt4(mke2fs, folder, file, files, random)
  await makePlain(file, files)
  const what = `a plain disk of ${imageBytes / mib} MB with the bytes of ${told(files)}; with mke2fs installed it would be an ext4 file system`
  return {
    file,
    sizeBytes: imageBytes,
    what,
    summary: `${imageBytes / mib} MB plain disk`,
    change: target => changePages(file, target, random),
  }
}

/** An image of the user's, of any format; it is only read. */
export const givenImage = async (given: string, folder: string, random: Random): Promise<DemoImage> => {
  const { bytes, format } = await openDiskFile(given)
  const file = format === 'raw' ? given : path.join(folder, 'image-1.0.0.raw')
  try {
    if (file !== given) await writeRawFile(bytes, file)
  } finally {
    await bytes.close()
  }
  const size = bytes.sizeBytes
  const summary = `${Math.round(size / mib)} MB of your own`
  return {
    file,
    sizeBytes: size,
    what: `${given}, a ${format} image of ${Math.round(size / mib)} MB`,
    summary,
    change: target => changePages(file, target, random),
  }
}

const told = (files: readonly PickedFile[]): string => {
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  return `${files.length.toLocaleString('en-US')} of this machine's own files (${Math.round(bytes / mib)} MB)`
}

const makeExt4 = async (
  mke2fs: string,
  folder: string,
  file: string,
  files: readonly PickedFile[],
  random: Random,
): Promise<DemoImage> => {
  const staged = path.join(folder, 'staged')
  for (const picked of files) await stage(picked, staged)
  await makeEmpty(file)
  // Fixed ids instead of random ones: the same files give the same image.
  const id = 'a5f0c1de-0000-4000-8000-000000000001'
  await run(mke2fs, ['-q', '-F', '-t', 'ext4', '-b', '4096', '-U', id, '-E', `hash_seed=${id}`, '-d', staged, file])
  await fs.rm(staged, { recursive: true, force: true })
  const debugfs = await findTool('debugfs')
  return {
    file,
    sizeBytes: imageBytes,
    what: `an ext4 file system of ${imageBytes / mib} MB with ${told(files)}`,
    summary: `${imageBytes / mib} MB ext4, ${files.length.toLocaleString('en-US')} files`,
    change: target => (debugfs ? addFiles(debugfs, file, target, random) : changePages(file, target, random)),
  }
}

const stage = async ({ path: source }: PickedFile, staged: string): Promise<void> => {
  const target = path.join(staged, source.startsWith(projectRoot) ? source.slice(projectRoot.length) : source)
  await fs.mkdir(path.dirname(target), { recursive: true })
  await fs.copyFile(source, target, fs.constants.COPYFILE_FICLONE)
  await fs.chmod(target, 0o644)
}

const makeEmpty = async (file: string): Promise<void> => {
  const handle = await fs.open(file, 'wx')
  await handle.truncate(imageBytes)
  await handle.close()
}

/** Each file from the start of a page on, zeros between. */
const makePlain = async (file: string, files: readonly PickedFile[]): Promise<void> => {
  await makeEmpty(file)
  const handle = await fs.open(file, 'r+')
  let offset = mib
  for (const { path: source, sizeBytes } of files) {
    const bytes = await fs.readFile(source).catch(() => Buffer.alloc(0))
    if (offset + bytes.length > imageBytes) break
    await handle.write(bytes, 0, bytes.length, offset)
    offset += Math.ceil(sizeBytes / pageBytes) * pageBytes
  }
  await handle.close()
}

const added = { count: 3, bytes: 4 * mib }

/** As an update does it: new files in the file system, with what their names and blocks change in its tables. */
const addFiles = async (debugfs: string, file: string, target: string, random: Random): Promise<string> => {
  await copySparse(file, target)
  const fresh = `${target}.added`
  const commands: string[] = ['mkdir /update']
  for (let at = 1; at <= added.count; at++) {
    await fs.writeFile(`${fresh}${at}`, random.bytes(added.bytes))
    commands.push(`write "${fresh}${at}" /update/part-${at}.bin`)
  }
  await fs.writeFile(`${fresh}.commands`, `${commands.join('\n')}\n`)
  await run(debugfs, ['-w', '-f', `${fresh}.commands`, target])
  for (const name of [...Array(added.count).keys()].map(at => `${fresh}${at + 1}`).concat(`${fresh}.commands`))
    await fs.rm(name)
  return `${added.count} new files of ${added.bytes / mib} MB in its file system`
}

/** Overwrites a few pages here and there. */
const changePages = async (file: string, target: string, random: Random): Promise<string> => {
  await copySparse(file, target)
  const handle = await fs.open(target, 'r+')
  const { size } = await handle.stat()
  const lengthBytes = Math.min(mib, Math.floor(size / 16))
  const places = [0.2, 0.45, 0.7].map(share => Math.floor((size * share) / pageBytes) * pageBytes)
  for (const place of places) await handle.write(random.bytes(lengthBytes), 0, lengthBytes, place)
  await handle.close()
  return `${places.length} pieces of ${(lengthBytes / mib).toFixed(1)} MB overwritten`
}

/** `fs.copyFile` would fill the holes. */
const copySparse = async (file: string, target: string): Promise<void> => {
  const image = await openRawFile(file)
  try {
    await writeRawFile(image, target)
  } finally {
    await image.close()
  }
}

const findTool = async (name: string): Promise<string | undefined> => {
  for (const folder of [...(process.env.PATH ?? '').split(path.delimiter), '/sbin', '/usr/sbin']) {
    const file = path.join(folder, name)
    const isThere = await fs.access(file, fs.constants.X_OK).then(
      () => true,
      () => false,
    )
    if (folder && isThere) return file
  }
  return undefined
}

const run = (tool: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.on('data', text => {
      errors = (errors + text).slice(-2000)
    })
    child.on('error', reject)
    child.on('close', code =>
      code === 0 ? resolve() : reject(new Error(`${tool} failed with exit code ${code}: ${errors.trim()}`)),
    )
  })
