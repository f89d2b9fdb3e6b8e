import * as fs from 'node:fs/promises'
import { Command } from 'commander'
import { isPublicKey } from '#data-plane/bundles/signing.ts'
import { nodeFiles, replaceFile } from '#foundation/files.ts'
import { exportBundle, type SignedReceipt } from '../bundles/export-bundle.ts'
import { importBundle } from '../bundles/import-bundle.ts'
import { withServer } from '../bundles/with-server.ts'
import type { ArmClient } from '../client/arm-client.ts'
import { Failure, usageError } from '../failure.ts'
import { countText, partText, sizeText } from '../figures.ts'
import { requireTarget } from '../images/target-file.ts'
import { dataOption, jsonOption } from '../options.ts'
import { showProgress } from '../progress.ts'
import type { DataOption, Shell } from '../shell.ts'

interface CommonOptions extends DataOption {
  json?: true
}

interface ExportOptions extends CommonOptions {
  gallery?: string[]
  definition?: string[]
  version?: string[]
  since?: string
  force?: true
}

interface ImportOptions extends CommonOptions {
  regions?: string
  trust?: string
  receipt?: string
}

const examples = `
Examples:
  $ opengallery bundle key > here.key                            on the side that exports
  $ opengallery bundle export all.bundle                         every version that has succeeded
  $ opengallery bundle trust here.key                            on the side that imports
  $ opengallery bundle import all.bundle                         gives all.bundle.receipt.json
  $ opengallery bundle export more.bundle --since all.bundle.receipt.json

An interrupted export or import goes on where it stopped when the command is given again.`

/** `opengallery bundle`: image versions travel to a site without a network, in one signed file. */
export const bundleCommand = (shell: Shell): Command =>
  new Command('bundle')
    .summary('carry image versions to another site in a file')
    .description('Carry image versions to another installation in one signed file.')
    .addHelpText('after', examples)
    .addCommand(exportCommand(shell))
    .addCommand(importCommand(shell))
    .addCommand(keyCommand(shell))
    .addCommand(trustCommand(shell))

const exportCommand = (shell: Shell): Command =>
  new Command('export')
    .summary('write what a site lacks into a bundle')
    .description('Write image versions, and the resources they lie in, into one signed file. Never secrets.')
    .argument('<file>', 'the bundle; it appears only once it is whole')
    .option('--since <receipt|date>', 'leave out what a receipt says that the site has, or all up to a date')
    .option('--gallery <name...>', 'only these galleries: GROUP/GALLERY')
    .option('--definition <name...>', 'only these definitions: GROUP/GALLERY/NAME')
    .option('--version <name...>', 'only these versions: GROUP/GALLERY/NAME/1.0.0')
    .option('--force', 'replace a file that is there')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((file: string, options: ExportOptions) => runExport(shell, file, options))

const importCommand = (shell: Shell): Command =>
  new Command('import')
    .summary('take over a bundle, and give a receipt for it')
    .description('Verify a bundle, make its versions in this installation, and write a signed receipt.')
    .argument('<file>', 'the bundle')
    .option('--regions <map>', 'which region here stands for one of theirs: eastus=westeurope,westus=northeurope')
    .option('--trust <keyfile>', 'trust this key from now on, as `bundle trust` does')
    .option('--receipt <file>', 'where the receipt goes (default: the name of the bundle and .receipt.json)')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((file: string, options: ImportOptions) => runImport(shell, file, options))

const keyCommand = (shell: Shell): Command =>
  new Command('key')
    .summary('show the public key that signs our bundles')
    .description('Show the public key that signs the bundles and receipts of this installation.')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((options: CommonOptions) =>
      withServer(shell, options, async ({ arm }) => {
        const shown = await arm.get('/opengallery/bundle/key')
        shell.terminal.result(options.json ? JSON.stringify(shown) : shown.publicKey)
      }),
    )

const trustCommand = (shell: Shell): Command =>
  new Command('trust')
    .summary('take bundles that a key has signed')
    .description('Take bundles that this key has signed. Compare it first with what the other side shows.')
    .argument('<keyfile>', 'what `bundle key` has shown on the other side')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((keyFile: string, options: CommonOptions) =>
      withServer(shell, options, async ({ arm }) => {
        const answer = await trust(arm, keyFile)
        shell.terminal.result(
          options.json ? JSON.stringify(answer) : `${countText(answer.trusted.length, 'key')} trusted.`,
        )
      }),
    )

const trust = async (arm: ArmClient, keyFile: string): Promise<{ trusted: string[] }> => {
  const publicKey = (await textOf(keyFile)).trim()
  if (!isPublicKey(publicKey)) throw usageError(`${keyFile} is not what \`opengallery bundle key\` shows.`)
  return await arm.act('/opengallery/bundle/trust', { publicKey })
}

const textOf = async (file: string): Promise<string> => {
  try {
    return await fs.readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw usageError(`${file} does not exist.`)
    throw error
  }
}

/** Runs work that a repetition continues: an interrupt ends it where it is. */
const resumable = async (shell: Shell, work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
  const abort = new AbortController()
  const release = shell.onInterrupt(() => abort.abort())
  try {
    await work(abort.signal)
  } catch (error) {
    if (!abort.signal.aborted) throw error
    throw new Failure('Interrupted. The same command goes on from here.', { cause: error })
  } finally {
    release()
  }
}

const fullId =
  /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/galleries\/([^/]+)(?:\/images\/([^/]+)(?:\/versions\/([^/]+))?)?$/i

/** `GROUP/GALLERY...` of a resource id or of itself. */
const pathOf = (text: string, option: string, names: number): string => {
  const id = fullId.exec(text)
  const parts = id ? id.slice(1).filter(Boolean) : text.split('/')
  if (parts.length !== names || parts.some(part => part === ''))
    throw usageError(
      `${option} takes a resource id or ${['GROUP', 'GALLERY', 'NAME', '1.0.0'].slice(0, names).join('/')}, not '${text}'.`,
    )
  return parts.join('/')
}

const onlyOf = ({ gallery = [], definition = [], version = [] }: ExportOptions): string[] => [
  ...gallery.map(text => pathOf(text, '--gallery', 2)),
  ...definition.map(text => pathOf(text, '--definition', 3)),
  ...version.map(text => pathOf(text, '--version', 4)),
]

/** A date, or the receipt in a file. */
const sinceOf = async (text: string): Promise<{ receipt: SignedReceipt } | { date: string }> => {
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text))) return { date: text }
  try {
    const receipt = JSON.parse(await textOf(text)) as Partial<SignedReceipt> | null
    if (receipt?.receipt) return { receipt: receipt as SignedReceipt }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw usageError(`'${text}' is neither a date nor the file of a receipt.`)
}

const runExport = (shell: Shell, file: string, options: ExportOptions): Promise<void> =>
  withServer(shell, options, ({ arm }) =>
    resumable(shell, async signal => {
      const { terminal, clock } = shell
      await requireTarget(file, options.force === true)
      const since = options.since === undefined ? {} : { since: await sinceOf(options.since) }
      using progress = showProgress(terminal, clock)
      const bar = progress.bar('export')
      const onProgress = (doneBytes: number, totalBytes: number) =>
        bar.update(doneBytes / Math.max(1, totalBytes), partText(doneBytes, totalBytes))
      const exported = await exportBundle(arm, { file, only: onlyOf(options), ...since }, { signal, onProgress })
      const { head, versions, records, sizeBytes, resumedBytes } = exported
      bar.update(1)
      bar.end(`${sizeText(sizeBytes)} in ${countText(records, 'record')}`)
      progress.close()
      if (resumedBytes > 0) terminal.say(`Went on from ${sizeText(resumedBytes)} that were written before.`)
      const { id, sequence } = head
      if (options.json) terminal.result(JSON.stringify({ id, sequence, versions, records, sizeBytes, resumedBytes }))
      else
        terminal.result(
          `${file}: bundle ${sequence}, ${countText(versions.length, 'version')}, ${sizeText(sizeBytes)}.`,
        )
    }),
  )

/** `eastus=westeurope,...` as the server takes it. */
const regionsOf = (text = ''): string => {
  const pairs = text.split(',').filter(Boolean)
  for (const pair of pairs)
    if (!/^[a-z0-9]+=[a-z0-9]+$/.test(pair))
      throw usageError(`'${pair}' maps no region.`, 'Write --regions like this: eastus=westeurope,westus=northeurope')
  return pairs.map(pair => pair.replace('=', ':')).join(',')
}

const runImport = (shell: Shell, file: string, options: ImportOptions): Promise<void> =>
  withServer(shell, options, ({ arm }) =>
    resumable(shell, async signal => {
      const { terminal, clock } = shell
      const regions = regionsOf(options.regions)
      if (options.trust !== undefined) await trust(arm, options.trust)
      using progress = showProgress(terminal, clock)
      const bars = { verify: progress.bar('verify'), import: progress.bar('import') }
      const imported = await importBundle(arm, file, regions, {
        signal,
        verifying: (done, total) => bars.verify.update(done / Math.max(1, total), partText(done, total)),
        importing: (what, done, total) => bars.import.update(done / Math.max(1, total), what),
      })
      const { head, made, notes, receipt, sentBytes } = imported
      bars.import.update(1)
      bars.import.end(`${countText(made.length, 'version')} made of ${sizeText(sentBytes)}`)
      progress.close()
      for (const note of notes) terminal.say(`${terminal.style('yellow', 'note:')} ${note}`)
      const receiptFile = options.receipt ?? `${file}.receipt.json`
      await replaceFile(nodeFiles, receiptFile, Buffer.from(`${JSON.stringify(receipt, null, 2)}\n`))
      const { id, sequence } = head
      if (options.json) terminal.result(JSON.stringify({ id, sequence, made, notes, sentBytes, receiptFile }))
      else terminal.result(receiptFile)
    }),
  )
