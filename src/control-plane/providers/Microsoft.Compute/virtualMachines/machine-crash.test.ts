import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ResourceId } from '#arm/resource-id.ts'
import type { ResourceOperation } from '#arm/resource-type.ts'
import { silentLog } from '#foundation/log.ts'
import { memoryIdentities } from '#identity/memory-identities.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskHold } from '../disk-holds.ts'
import { hiddenOf as hiddenOfDisk } from '../disks/disk-document.ts'
import { defaultMachineLimits } from '../machine-hosting.ts'
import { diskOf } from '../stored-disk.ts'
import { testHosting } from '../test-hosting.ts'
import { deleteMachine } from './delete-machine.ts'
import { Deployments } from './deployments.ts'
import { diskDocuments } from './machine-disks.ts'
import { asHidden, hiddenOf, machineOf } from './machine-document.ts'
import { makeMachine } from './make-machine.ts'
import { powerMachine } from './power-machine.ts'
import { reimage } from './reimage.ts'
import { reimageMachine } from './reimage-machine.ts'
import {
  MACHINE,
  machineBody,
  NIC,
  nicBody,
  osBytes,
  startTestMachines,
  storage,
  type TestMachines,
} from './test-machine.ts'

let arm: TestMachines
let parts: ComputeParts
before(async () => {
  arm = await startTestMachines()
  const { regions, blobs, catalog, machines } = arm
  const hosting = { ...testHosting(), machines, limits: { ...defaultMachineLimits, stopGraceMs: 0 } }
  parts = {
    regions,
    blobs,
    catalog,
    hosting,
    identities: memoryIdentities(),
    log: silentLog,
    signing: arm.signing,
    allowedVhdHosts: [],
  }
  // From here on a test runs the work itself, and ends it where it wants.
  await arm.operations.stop(1000)
})
after(() => arm.close())

class Crash extends Error {}

/** Runs work that dies at a point: behind a step, before that is recorded, or at a call of the host. False if it came to its end. */
const runUntil = async (
  operation: ResourceOperation,
  path: string,
  input: JsonObject,
  kept: Map<string, unknown>,
  crashAt: number,
): Promise<boolean> => {
  let points = 0
  const dying = new AbortController()
  const pass = () => {
    if (++points !== crashAt) return
    dying.abort()
    throw new Crash()
  }
  arm.machines.failing = call => {
    if (call === 'state') return undefined // the guest's own clock asks too
    try {
      pass()
    } catch (crash) {
      return crash as Error
    }
    return undefined
  }
  const ready = setInterval(async () => {
    const { vmId } = machineOf(await arm.document(path))
    if (await isRunning(vmId)) arm.machines.becomeReady(vmId)
    arm.clock.advance(1000)
  }, 5)
  try {
    const outcome = await operation.run(
      {
        document: await arm.document(path),
        input,
        signal: dying.signal,
        report() {},
        async note() {},
        async step(name, work) {
          if (kept.has(name)) return kept.get(name) as never
          const result = await work()
          pass()
          kept.set(name, result === undefined ? undefined : JSON.parse(JSON.stringify(result)))
          return result
        },
      },
      // Nobody runs what a request begins: that it was begun has to be enough.
      { ...arm.arm, complete: arm.arm.send },
    )
    if (!outcome.remove)
      await arm.arm.resources.change(path.toLowerCase(), current => ({
        ...current,
        provisioningState: 'Succeeded',
        hidden: { ...current.hidden, ...outcome.hidden },
      }))
    return false
  } catch (error) {
    if (error instanceof Crash || (error as Error).message === 'crash') return true
    throw error
  } finally {
    clearInterval(ready)
    arm.machines.failing = () => undefined
  }
}

/** What a reimage is told, with what the request itself saves. */
const askReimage = async (path: string): Promise<JsonObject> => {
  const document = await arm.document(path)
  const request = {
    method: 'POST',
    caller: arm.arm.itself,
    apiVersion: '2024-07-01',
    query: new Map(),
    headers: {},
    body: {},
    origin: '',
  } as const
  const id = ResourceId.parse(path)
  assert.ok(id)
  const answer = await reimage(parts).run({ id, document, request, body: {} }, arm.arm)
  assert.ok('work' in answer)
  await arm.arm.resources.change(document.key, () => answer.document)
  return answer.work.input
}

const isRunning = (vmId: string) =>
  arm.machines.state(vmId).then(
    ({ kind }) => kind === 'running',
    () => false,
  )

const holdsOfDisks = async (): Promise<string[]> => {
  const names: string[] = []
  for await (const { name } of arm.regions.holds('eastus')) if (name.includes('/disks/')) names.push(name)
  return names.toSorted()
}

const expectedHolds = async (): Promise<string[]> => {
  const documents = await listAll(arm.arm.resources, { type: 'Microsoft.Compute/disks' })
  return documents.map(disk => diskHold(disk, 'disk', diskOf(disk) ?? assert.fail('A disk has no bytes.'))).toSorted()
}

const osDisk = (deleteOption: string) => ({ createOption: 'FromImage', deleteOption })

const readOsDisk = async (path: string): Promise<Buffer> => {
  const [os] = await diskDocuments(await arm.document(path), arm.arm)
  return readDisk(os)
}

const readDisk = async (disk: ResourceDocument | undefined): Promise<Buffer> => {
  const stored = disk && diskOf(disk)
  assert.ok(stored)
  const bytes = await arm.regions.open('eastus', stored.manifest)
  const read = Buffer.alloc(osBytes.length)
  await bytes.read(0, read)
  await bytes.close()
  return read
}

test('a machine that is made, reimaged, deallocated and deleted, with a crash at each point', {
  timeout: 120_000,
}, async () => {
  for (let crashAt = 1; ; crashAt++) {
    const path = `${MACHINE}${crashAt}`
    const nic = `${NIC}${crashAt}`
    await arm.arm.send({
      method: 'PUT',
      path: nic,
      body: nicBody(),
      caller: arm.arm.itself,
      origin: '',
    })
    const dataDisks = [{ lun: 3, createOption: 'Empty', diskSizeGB: 1, deleteOption: 'Delete' }]
    const put = await arm.send(
      'PUT',
      path,
      machineBody({
        networkProfile: { networkInterfaces: [{ id: nic }] },
        storageProfile: storage({ dataDisks, osDisk: osDisk(crashAt % 2 === 0 ? 'Delete' : 'Detach') }),
      }),
    )
    assert.equal(put.status, 201, JSON.stringify(put.body))
    const making = await arm.operations.active(path.toLowerCase())
    assert.ok(making)
    const crashed: boolean[] = []
    const work = async (operation: ResourceOperation, input: JsonObject) => {
      const kept = new Map<string, unknown>()
      const died = await runUntil(operation, path, input, kept, crashAt)
      crashed.push(died)
      if (died) await arm.regions.collect('eastus')
      if (died) assert.equal(await runUntil(operation, path, input, kept, Number.POSITIVE_INFINITY), false)
    }

    await work(makeMachine(parts, new Deployments()), making.input as JsonObject)
    const { vmId } = machineOf(await arm.document(path))
    assert.equal((await arm.machines.state(vmId)).kind, 'running')
    assert.equal((await arm.send('GET', nic)).body.properties.virtualMachine.id, path)
    assert.deepEqual(await holdsOfDisks(), await expectedHolds())
    const [os] = await diskDocuments(await arm.document(path), arm.arm)
    arm.machines.write(vmId, os?.uid ?? '', 4096 * crashAt + 1, Buffer.from('by the guest'))

    // Every other machine keeps the disk that it had.
    const before = machineOf(await arm.document(path)).storageProfile?.osDisk
    await work(reimageMachine(parts), await askReimage(path))
    const [osNow] = await diskDocuments(await arm.document(path), arm.arm)
    assert.notEqual(osNow?.uid, os?.uid)
    assert.equal((await arm.machines.state(vmId)).kind, 'running')
    assert.ok((await readOsDisk(path)).equals(osBytes), `crash at ${crashAt}`)
    const left = await arm.arm.resources.find(os?.key ?? '')
    // Nobody runs the work that its deletion began.
    if (before?.deleteOption === 'Delete') assert.equal(left?.provisioningState, 'Deleting')
    else {
      assert.equal(left && hiddenOfDisk(left).attachment, null)
      const taken = Buffer.from(osBytes)
      taken.write('by the guest', 4096 * crashAt + 1)
      assert.ok((await readDisk(left)).equals(taken), `crash at ${crashAt}`)
    }
    assert.deepEqual(hiddenOf(await arm.document(path)).strays, [])
    assert.deepEqual(await holdsOfDisks(), await expectedHolds())
    arm.machines.write(vmId, osNow?.uid ?? '', 4096 * crashAt + 1, Buffer.from('by the guest'))

    await work(powerMachine(parts), { action: 'deallocate' })
    const expected = Buffer.from(osBytes)
    expected.write('by the guest', 4096 * crashAt + 1)
    assert.ok((await readOsDisk(path)).equals(expected), `crash at ${crashAt}`)
    assert.deepEqual(await arm.machines.listDisks(), [])
    assert.deepEqual(await holdsOfDisks(), await expectedHolds())

    await arm.arm.resources.change(path.toLowerCase(), current => ({
      ...current,
      hidden: { ...current.hidden, ...asHidden({ phase: null }) },
    }))
    await work(deleteMachine({ ...parts }), {})
    const last = await arm.arm.resources.find(osNow?.key ?? '')
    if (before?.deleteOption === 'Delete') assert.equal(last?.provisioningState, 'Deleting')
    else assert.equal(last && hiddenOfDisk(last).attachment, null)
    assert.equal((await arm.send('GET', nic)).body.properties.virtualMachine, undefined)
    if (!crashed.includes(true)) {
      assert.ok(crashAt > 10, `${crashAt} points`)
      return
    }
  }
})
