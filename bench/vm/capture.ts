import { execFile } from 'node:child_process'
import * as path from 'node:path'
import { promisify } from 'node:util'
import { settled } from '../http-tools.ts'
import { type Row, secondsOf } from '../measure.ts'
import type { Hands } from './hands.ts'
import { makeMachines, onMachine, settledMachine } from './our-machines.ts'

const writtenMiB = 10

/** A machine that wrote a little is deallocated, and a version is made of it, beside a copy of the whole disk. */
export const captureRows = async ({ tools, server, wish, image }: Hands): Promise<Row[]> => {
  tools.say(`a machine that wrote ${writtenMiB} MiB becomes a version`)
  const { send, key } = wish
  const machines = await makeMachines(wish, 1)
  await onMachine(machines.address, key, `head -c ${writtenMiB * 2 ** 20} /dev/urandom >data && sync`)
  const deallocated = await secondsOf(() =>
    settledMachine(send, () => send('POST', `${machines.id}/deallocate`), machines.id, 'PowerState/deallocated'),
  )
  await send('POST', `${machines.id}/generalize`)
  const version = wish.imageId.replace(/[^/]+$/, '1.0.1')
  const body = {
    location: wish.location,
    properties: {
      storageProfile: { source: { virtualMachineId: machines.id } },
      publishingProfile: { targetRegions: [{ name: wish.location }] },
    },
  }
  const versioned = await secondsOf(async () => {
    await send('PUT', version, body)
    await settled(send, version)
  })
  await machines.remove()
  const copying = await secondsOf(() =>
    promisify(execFile)('cp', ['--sparse=always', image, path.join(server.folder, 'copy.raw')]),
  )
  const beside = { unit: 's', beside: copying, name: 'cp --sparse of the image' }
  return [
    { metric: 'vm-deallocate', ours: deallocated, ...beside },
    { metric: 'vm-version-of-machine', ours: versioned, ...beside },
  ]
}
