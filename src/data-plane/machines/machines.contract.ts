import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { bytesOf, type ChangedBytes } from '#foundation/sparse-bytes.ts'
import { AgentSilent, HostFull, type MachineDisk, MachineFailed, type MachineSpec, type Machines } from './machines.ts'

/** A host with room for machines of 2 cores and 128 MiB in all, and a guest that can be told what to do before it starts. */
export interface MachinesUnderTest {
  readonly machines: Machines
  /** A disk whose guest prints `hello from ID` and writes `written` to its second sector, then idles. */
  bootDisk(id: string): MachineDisk
  /** Resolves once the guest has done so. */
  guestIdles(machineId: string): Promise<void>
  /** Ends a machine's process from outside. */
  kill(machineId: string): Promise<void>
  /** The same host, found by another process. */
  reopen(): Promise<Machines>
}

export const sectorBytes = 512
export const guestWrites = 'written'

const ids = { one: '7d2b6c1e-0000-4000-8000-000000000001', two: '7d2b6c1e-0000-4000-8000-000000000002' }

export const machine = (id: string, disks: readonly MachineDisk[], more: Partial<MachineSpec> = {}): MachineSpec => ({
  id,
  label: 'vm-of-a-test',
  cores: 1,
  memoryMiB: 64,
  generation: 'V1',
  disks,
  nics: [],
  identity: { instanceId: id, hostname: 'vm-of-a-test' },
  ...more,
})

const emptyDisk = (id: string, lun: number): MachineDisk => ({ id, lun, sizeBytes: 2 ** 20, base: undefined })

/** The first bytes of a disk's change at an offset, which must be covered by it. */
export const changedText = async (change: ChangedBytes, offset: number, length: number): Promise<string> => {
  const target = Buffer.alloc(length)
  for await (const extent of change.changes())
    if (extent.kind === 'data' && extent.offset <= offset && offset + length <= extent.offset + extent.length) {
      await change.read(offset, target)
      return target.toString('latin1')
    }
  return assert.fail(`Nothing changed at ${offset}.`)
}

/** What every host of machines does. */
export const machinesContract = (
  name: string,
  open: (t: TestContext) => Promise<MachinesUnderTest>,
  options: { readonly skip?: string } = {},
): void => {
  const story = (title: string, tell: (world: MachinesUnderTest, t: TestContext) => Promise<void>) =>
    test(`${name}: ${title}`, options, async t => tell(await open(t), t))

  story(
    'a machine that nobody has started is stopped, and stopping or removing it is nothing',
    async ({ machines }) => {
      assert.deepEqual(await machines.state(ids.one), { kind: 'stopped' })
      await machines.stop(ids.one, 0)
      await machines.remove(ids.one)
      await machines.apply(machine(ids.one, []))
      assert.deepEqual(await machines.list(), [])
      assert.equal((await machines.console(ids.one)).length, 0)
      assert.equal(await machines.screenshot(ids.one), undefined)
      await machines.forgetDisk('never-made')
    },
  )

  story('a guest runs, writes, is stopped, and what it wrote is there while it runs and after', async world => {
    const { machines } = world
    const disk = world.bootDisk('disk-1')
    const spec = machine(ids.one, [disk, emptyDisk('disk-2', 0)])
    await machines.start(spec)
    const first = await machines.state(ids.one)
    await machines.start(spec)
    assert.deepEqual(await machines.state(ids.one), first)
    assert.equal(first.kind, 'running')
    assert.deepEqual(await machines.list(), [ids.one])
    await world.guestIdles(ids.one)
    assert.match(Buffer.from(await machines.console(ids.one)).toString(), /hello from disk-1/)
    assert.deepEqual(
      Buffer.from((await machines.screenshot(ids.one)) ?? []).subarray(0, 4),
      Buffer.from('\x89PNG', 'latin1'),
    )
    for (const when of ['running', 'stopped']) {
      assert.equal((await machines.state(ids.one)).kind, when)
      const change = await machines.changes(disk)
      assert.ok(change, when)
      assert.equal(change.sizeBytes, disk.sizeBytes)
      assert.equal(await changedText(change, sectorBytes, guestWrites.length), guestWrites)
      await change.close()
      assert.equal(await machines.changes(emptyDisk('disk-2', 0)), undefined)
      await machines.stop(ids.one, 0)
    }
    await machines.remove(ids.one)
    assert.deepEqual(await machines.list(), [])
    assert.deepEqual([...(await machines.listDisks())].sort(), ['disk-1', 'disk-2'])
    await machines.forgetDisk('disk-1')
    assert.deepEqual(await machines.listDisks(), ['disk-2'])
    assert.equal(await machines.changes(disk), undefined)
  })

  story('a host that is full says what it lacks, and has room again when a machine stops', async world => {
    const { machines } = world
    await machines.start(machine(ids.one, [world.bootDisk('disk-1')]))
    const lacking = (what: string) => (error: unknown) => error instanceof HostFull && error.lacking === what
    const disks = [world.bootDisk('disk-2')]
    await assert.rejects(machines.start(machine(ids.two, disks, { cores: 2 })), lacking('cores'))
    await assert.rejects(machines.start(machine(ids.two, disks, { memoryMiB: 128 })), lacking('memory'))
    const { usedCores, usedMemoryMiB } = await machines.host()
    assert.deepEqual({ usedCores, usedMemoryMiB }, { usedCores: 1, usedMemoryMiB: 64 })
    await machines.stop(ids.one, 0)
    await machines.start(machine(ids.two, disks, { cores: 2, memoryMiB: 128 }))
    assert.equal((await machines.state(ids.two)).kind, 'running')
  })

  story('a disk belongs to one running machine, and is not forgotten under it', async world => {
    const { machines } = world
    await machines.start(machine(ids.one, [world.bootDisk('disk-1')]))
    await assert.rejects(machines.start(machine(ids.two, [world.bootDisk('disk-1')])), MachineFailed)
    await assert.rejects(machines.forgetDisk('disk-1'), MachineFailed)
    await machines.stop(ids.one, 0)
    await machines.start(machine(ids.two, [world.bootDisk('disk-1')]))
  })

  story('a machine whose process was ended has died, says why, and starts again', async world => {
    const { machines } = world
    const spec = machine(ids.one, [world.bootDisk('disk-1')])
    await machines.start(spec)
    await world.guestIdles(ids.one)
    await world.kill(ids.one)
    const state = await machines.state(ids.one)
    assert.ok(state.kind === 'died', state.kind)
    assert.ok(state.reason.length > 0)
    assert.match(state.lastLines.join('\n'), /hello from disk-1/)
    await machines.start(spec)
    assert.equal((await machines.state(ids.one)).kind, 'running')
    await machines.stop(ids.one, 0)
    assert.equal((await machines.state(ids.one)).kind, 'stopped')
  })

  story('machines outlive who started them', async world => {
    const disk = world.bootDisk('disk-1')
    await world.machines.start(machine(ids.one, [disk]))
    await world.guestIdles(ids.one)
    const before = await world.machines.state(ids.one)
    const machines = await world.reopen()
    assert.deepEqual(await machines.state(ids.one), before)
    assert.deepEqual(await machines.list(), [ids.one])
    assert.match(Buffer.from(await machines.console(ids.one)).toString(), /hello from disk-1/)
    assert.equal((await machines.host()).usedCores, 1)
    await machines.restart(ids.one, 0)
    assert.equal((await machines.state(ids.one)).kind, 'running')
    await machines.stop(ids.one, 0)
    assert.deepEqual(await machines.state(ids.one), { kind: 'stopped' })
  })

  story('data disks come and go while the machine runs', async world => {
    const { machines } = world
    const boot = world.bootDisk('disk-1')
    await machines.start(machine(ids.one, [boot]))
    const base = { id: 'some-bytes', open: async () => bytesOf(Buffer.alloc(sectorBytes * 8, 'x')) }
    const extra = { ...emptyDisk('disk-3', 3), base }
    for (let round = 0; round < 2; round++) {
      await machines.apply(machine(ids.one, [boot, emptyDisk('disk-2', 0), extra]))
      await assert.rejects(machines.forgetDisk('disk-2'), MachineFailed)
      await machines.apply(machine(ids.one, [boot]))
      await machines.forgetDisk('disk-2')
    }
    assert.equal((await machines.state(ids.one)).kind, 'running')
  })

  story('a guest that was provisioned before is ready as soon as it runs, another instance is not', async world => {
    const { machines } = world
    const spec = machine(ids.one, [world.bootDisk('disk-1')])
    const isReady = async () => {
      const state = await machines.state(ids.one)
      return state.kind === 'running' && state.isReady
    }
    await machines.start({ ...spec, identity: { ...spec.identity, isProvisioned: true } })
    assert.equal(await isReady(), true)
    await machines.stop(ids.one, 0)
    await machines.start({ ...spec, identity: { ...spec.identity, instanceId: ids.two } })
    assert.equal(await isReady(), false)
  })

  story('a guest without an agent runs no scripts', async world => {
    await world.machines.start(machine(ids.one, [world.bootDisk('disk-1')]))
    await assert.rejects(world.machines.runScript(ids.one, 'true', { timeoutMs: 1000 }), AgentSilent)
    await assert.rejects(world.machines.runScript(ids.two, 'true', { timeoutMs: 1000 }), MachineFailed)
  })
}
