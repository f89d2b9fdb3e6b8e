import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { runTool } from './run-tool.ts'
import type { StagedTree } from './staged-tree.ts'

export interface Ext4Wish {
  readonly label: string
  readonly sizeMiB: number
  readonly uuid: string
  /** Every date in the file system, in seconds: equal trees make equal bytes. */
  readonly timeSeconds: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes an ext4 file system of a tree in a new file. `debugfs` puts in one thing after the other: in a fixed order, owned by root
 * whoever we are, with one date; `mke2fs -d` takes order and owners from the disk.
 */
export const writeExt4 = async (file: string, tree: StagedTree, wish: Ext4Wish): Promise<void> => {
  const { label, sizeMiB, uuid, timeSeconds, signal } = wish
  const env = { E2FSPROGS_FAKE_TIME: String(timeSeconds) }
  const layout = ['-t', 'ext4', '-b', '4096', '-m', '1', '-J', 'size=4', '-E', `hash_seed=${uuid},lazy_journal_init=1`]
  await runTool('mke2fs', ['-q', '-F', '-L', label, '-U', uuid, ...layout, file, `${sizeMiB}M`], { env, signal })
  const contents = await fs.mkdtemp(`${file}-contents-`)
  try {
    const commands = [`set_current_time @${timeSeconds}`, ...(await commandsFor(tree, contents))]
    const said = await runTool('debugfs', ['-w', '-f', '-', path.resolve(file)], {
      folder: contents,
      input: `${commands.join('\n')}\n`,
      env,
      signal,
    })
    // It goes on after an error, and ends well.
    const wrong = said
      .split('\n')
      .find(line => line !== '' && !/^debugfs: |^Allocated inode: |^Setting current time /.test(line))
    if (wrong) throw new Error(`debugfs could not make the file system: ${wrong}`)
  } finally {
    await fs.rm(contents, { recursive: true, force: true })
  }
}

const commandsFor = async (tree: StagedTree, contents: string): Promise<string[]> => {
  const commands: string[] = []
  let number = 0
  for (const [place, entry] of tree.entries()) {
    const { dir, base } = path.posix.parse(place)
    commands.push(`cd ${dir}`)
    if (entry.kind === 'link') commands.push(`symlink ${base} ${entry.target}`)
    if (entry.kind === 'folder')
      commands.push(`mkdir ${base}`, `sif ${base} mode 0${(0o040000 | entry.mode).toString(8)}`)
    if (entry.kind === 'file') {
      const name = `c${number++}`
      await fs.writeFile(path.join(contents, name), entry.content)
      commands.push(`write ${name} ${base}`, `sif ${base} mode 0${(0o100000 | entry.mode).toString(8)}`)
      commands.push(`sif ${base} uid 0`, `sif ${base} gid 0`)
    }
  }
  return commands
}
