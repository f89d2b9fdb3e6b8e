import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { debianArguments, rootLabel } from './debian-root.ts'
import { requireTools } from './run-tool.ts'

const folder = path.join(import.meta.dirname, 'debian')

test('mmdebstrap is told the release, the archive and this machine’s sources, in the order in which it takes them', () => {
  const sources = [
    'deb http://mirror.example/debian/ bookworm main',
    'deb http://mirror.example/s/ bookworm-security main',
  ]
  const args = debianArguments({ suite: 'bookworm', sources, archive: '/a b/root.tar' })
  const options = args.filter(argument => argument.startsWith('--'))
  assert.deepEqual(args, [...options, 'bookworm', '/a b/root.tar', ...sources])
  const [included = ''] = options.filter(option => option.startsWith('--include='))
  for (const needed of [
    'linux-image-cloud-amd64',
    'cloud-init',
    'waagent',
    'openssh-server',
    'qemu-guest-agent',
    'sudo',
  ])
    assert.ok(included.slice('--include='.length).split(',').includes(needed), needed)
  assert.ok(!args.some(argument => argument.includes('--mode')), 'root or a namespace: mmdebstrap knows what it may')
})

test('the root file system is found by the label that it gets', async () => {
  assert.match(
    await fs.readFile(path.join(folder, 'rootfs/etc/fstab'), 'utf8'),
    new RegExp(`^LABEL=${rootLabel} / ext4 `),
  )
  assert.ok(rootLabel.length <= 16, 'ext4 has 16 bytes for it')
})

test('the script of the root file system is a script of sh', () => {
  execFileSync('sh', ['-n', path.join(folder, 'write-root.sh')])
})

test('all programs that are missing are told at once, with the packages to install', async () => {
  await requireTools(['sh'])
  await assert.rejects(requireTools(['sh', 'no-such-program', 'no-other-program']), {
    name: 'ToolMissing',
    message:
      /^no-such-program, no-other-program is not installed: sudo apt-get install no-such-program no-other-program/,
  })
})
