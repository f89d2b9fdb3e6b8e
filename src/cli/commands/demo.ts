import { Command } from 'commander'
import { runDemo } from '../demo/run-demo.ts'
import type { Shell } from '../shell.ts'

interface DemoOptions {
  image?: string
  keep?: true
}

const examples = `
Examples:
  $ opengallery demo
  $ opengallery demo --image server.raw --keep`

/** `opengallery demo`: the product's whole story on a server of its own, which is gone afterwards. */
export const demoCommand = (shell: Shell): Command =>
  new Command('demo')
    .summary('see the whole thing work, in under two minutes')
    .description(
      "Make a disk image of this machine's own files, publish it to three regions, change it, publish again, pull both back and compare every byte, damage a store and see it healed. Needs no network, no root, no QEMU, and leaves nothing behind.",
    )
    .option('--image <file>', 'use this disk image instead; it is only read')
    .option('--keep', 'leave the data folder and the images behind')
    .addHelpText('after', examples)
    .action((options: DemoOptions) => runDemo(shell, options))
