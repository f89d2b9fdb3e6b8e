import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { buildTiny } from '#data-plane/guest-images/build-tiny.ts'

const root = path.join(import.meta.dirname, '../..')
const sources = path.join(root, 'src/data-plane/guest-images')
const cache = path.join(root, 'node_modules/.cache/opengallery')

/** What the image is made with, and what a test needs to run it and to log in. */
const programs = ['qemu-system-x86_64', 'apt-get', 'dpkg-deb', 'mkfs.fat', 'mcopy', 'syslinux', 'mke2fs', 'ssh']

const isThere = (program: string): boolean => {
  try {
    execFileSync('sh', ['-c', 'PATH="$PATH:/usr/sbin:/sbin" command -v "$1"', 'sh', program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const missing = programs.filter(program => !isThere(program))

/** For the options of a test that runs the tiny image: left out where something is missing, failed where everything must be there. */
export const withTinyImage: { skip?: string } =
  missing.length === 0 || process.env.CI === 'true' ? {} : { skip: `not installed: ${missing.join(', ')}` }

/** The tiny image as a raw disk, built once for all tests until its sources change. Nobody writes to it. */
export const tinyImage = async (): Promise<string> => {
  const file = path.join(cache, `tiny-${(await sum()).slice(0, 16)}.raw`)
  const isBuilt = await fs.access(file).then(
    () => true,
    () => false,
  )
  if (isBuilt) return file
  await fs.mkdir(cache, { recursive: true })
  const draft = `${file}.${process.pid}`
  await buildTiny(draft, { cacheFolder: path.join(cache, 'packages') })
  await fs.rename(draft, file)
  return file
}

const sum = async (): Promise<string> => {
  const hash = createHash('sha256')
  const names = await fs.readdir(sources, { recursive: true, withFileTypes: true })
  const files = names.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name))
  for (const file of files.toSorted()) hash.update(`${file.slice(sources.length)}\0`).update(await fs.readFile(file))
  return hash.digest('hex')
}
