import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openRawFile } from '#data-plane/disks/raw-file.ts'
import type { MachineSpec } from '#data-plane/machines/machines.ts'
import { consoleOf, machinesFolder, openIn } from '#data-plane/machines/test-machines.ts'
import { systemClock } from '#foundation/clock.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { tinyImage, withTinyImage } from '../support/tiny-image.ts'

const run = promisify(execFile)
const MIB = 2 ** 20
const address = '127.10.77.5'

/** Emulated on a busy machine, a boot takes a minute; nothing here measures time. */
const waits = { timeout: 900_000 }

test('the tiny image is provisioned, used, deprovisioned and born again as another machine', {
  ...withTinyImage,
  ...waits,
}, async t => {
  const folder = await machinesFolder(t)
  const image = await tinyImage()
  const machines = await openIn(folder, { limits: { cores: 4, memoryMiB: 1024, diskReserveBytes: 0 } })
  t.after(() => machines.close())
  const key = path.join(folder, 'key')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const publicKey = await fs.readFile(`${key}.pub`, 'utf8')

  const specOf = (id: string, user: string, more: Partial<MachineSpec>): MachineSpec => ({
    id,
    label: 'tiny',
    cores: 1,
    memoryMiB: 256,
    generation: 'V1',
    disks: [
      { id: 'os', lun: undefined, sizeBytes: 1536 * MIB, base: { id: 'tiny', open: () => openRawFile(image) } },
      { id: 'data', lun: 7, sizeBytes: 64 * MIB, base: { id: 'empty', open: async () => bytesOf(Buffer.alloc(MIB)) } },
    ],
    nics: [
      {
        mac: '00:0d:3a:00:00:05',
        network: 'tiny',
        privateAddress: '10.0.0.5',
        prefixLength: 24,
        forwards: [{ protocol: 'tcp', address, port: 22 }],
      },
    ],
    identity: {
      instanceId: id,
      hostname: `${user}-vm`,
      login: {
        adminUsername: user,
        disablePasswordAuthentication: true,
        publicKeys: [{ path: `/home/${user}/.ssh/authorized_keys`, keyData: publicKey }],
      },
    },
    ...more,
  })
  const ssh = async (user: string, command: string) => {
    const quiet = [
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      `UserKnownHostsFile=${folder}/known-${user}`,
      '-o',
      'LogLevel=ERROR',
    ]
    const { stdout } = await run('ssh', ['-i', key, ...quiet, '-o', 'ConnectTimeout=60', `${user}@${address}`, command])
    return stdout.trim()
  }
  const ready = async (id: string) => {
    for (;;) {
      const state = await machines.state(id)
      if (state.kind === 'running' && state.isReady) return
      assert.equal(state.kind, 'running', await consoleOf(machines, id))
      await systemClock.sleep(500)
    }
  }

  const first = specOf('11111111-1111-4111-8111-111111111111', 'ann', {})
  const customData = Buffer.from('#!/bin/bash\necho "made by $BASH_VERSION on $(hostname)" >/etc/made\n')
  await machines.start({ ...first, identity: { ...first.identity, customData } })
  await ready(first.id)
  assert.equal(await ssh('ann', 'hostname; whoami; sudo -n whoami'), 'ann-vm\nann\nroot')
  assert.equal(
    await ssh(
      'ann',
      'sudo cmp - /var/lib/waagent/CustomData <<"END" && echo same\n#!/bin/bash\necho "made by $BASH_VERSION on $(hostname)" >/etc/made\nEND',
    ),
    'same',
  )
  assert.match(
    await ssh('ann', 'until [ -s /etc/made ]; do sleep 1; done; cat /etc/made'),
    /^made by 5[.].* on ann-vm$/,
  )
  assert.match(await ssh('ann', 'df -m / | tail -1; ip -4 addr'), / 14\d\d [\s\S]*inet 10[.]0[.]0[.]5\/24/)
  assert.equal(
    await ssh(
      'ann',
      'sudo mkfs.ext4 -q /dev/disk/azure/scsi1/lun7 && sudo mount /dev/disk/azure/scsi1/lun7 /mnt && echo mounted',
    ),
    'mounted',
  )
  assert.match(await ssh('ann', 'sudo waagent -version'), /^WALinuxAgent-/)
  assert.equal((await machines.runScript(first.id, 'id -u', { timeoutMs: 120_000 })).stdout.trim(), '0')
  const sftp = ['-i', key, '-o', `UserKnownHostsFile=${folder}/known-ann`, '-o', 'LogLevel=ERROR']
  await run('scp', [...sftp, `${key}.pub`, `ann@${address}:sent`])
  assert.equal(await ssh('ann', 'cat sent'), publicKey.trim())
  const identityOf = 'cat /etc/machine-id; sudo dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep ssh-'
  const [machineId, hostKey] = (await ssh('ann', identityOf)).split('\n')

  await ssh('ann', 'sudo waagent -deprovision+user -force')
  await machines.stop(first.id, 300_000)
  assert.equal((await machines.state(first.id)).kind, 'stopped')
  assert.match(await consoleOf(machines, first.id), /reboot: Power down/)
  await machines.remove(first.id)

  const second = specOf('22222222-2222-4222-8222-222222222222', 'bob', { generation: 'V2' })
  await machines.start(second)
  await ready(second.id)
  assert.equal(await ssh('bob', 'hostname; [ -d /sys/firmware/efi ] && echo UEFI'), 'bob-vm\nUEFI')
  const [newMachineId, newHostKey] = (await ssh('bob', identityOf)).split('\n')
  assert.match(newMachineId ?? '', /^[0-9a-f]{32}$/)
  assert.notEqual(newMachineId, machineId)
  assert.notEqual(newHostKey, hostKey)
  assert.equal(
    await ssh('bob', 'sudo grep -c ^ann: /etc/passwd /etc/shadow /etc/group; ls /home; sudo ls /var/lib/waagent'),
    '/etc/passwd:0\n/etc/shadow:0\n/etc/group:0\nbob\ninstance\nuser',
  )
})

test('two builds of the same packages are the same bytes', { ...withTinyImage, ...waits }, async t => {
  const { buildTiny } = await import('#data-plane/guest-images/build-tiny.ts')
  const { fileSum } = await import('#data-plane/disks/file-sum.ts')
  const image = await tinyImage()
  const again = `${image}.again`
  t.after(() => fs.rm(again, { force: true }))
  await buildTiny(again, { cacheFolder: path.join(path.dirname(image), 'packages') })
  assert.equal(await fileSum(again), await fileSum(image))
})
