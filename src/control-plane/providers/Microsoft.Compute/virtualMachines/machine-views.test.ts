import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { SUBSCRIPTION } from '../../../../../test/support/test-arm.ts'
import { machineOf } from './machine-document.ts'
import { runScript } from './run-command.ts'
import { MACHINE, machineBody, startTestMachines, type TestMachines } from './test-machine.ts'

let arm: TestMachines
before(async () => {
  arm = await startTestMachines()
  await arm.made()
})
after(() => arm.close())

const compute = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Compute`
const list = async (path: string, query: Record<string, string> = {}) =>
  (await arm.done('GET', `${compute}/${path}`, undefined, query)).value

test('sizes, quotas and what is used of them', async () => {
  const sizes = await list('locations/eastus/vmSizes')
  const size = sizes.find(({ name }: { name: string }) => name === 'Standard_D2s_v5')
  assert.deepEqual([size.numberOfCores, size.memoryInMB, size.maxDataDiskCount], [2, 8192, 4])
  const usages = await list('locations/East US/usages')
  const used = (value: string) => usages.find(({ name }: { name: { value: string } }) => name.value === value)
  assert.deepEqual([used('cores').currentValue, used('cores').limit], [2, 100])
  assert.equal(used('standardDSv5Family').currentValue, 2)
  assert.equal(used('virtualMachines').currentValue, 1)
  assert.equal((await list('skus', { $filter: "location eq 'eastus'" })).length, sizes.length)
  assert.match(await arm.refused('GET', `${compute}/skus`, undefined, { $filter: 'name eq 1' }), /InvalidFilterInQuery/)
})

test('the instance view alone, and sizes to change to', async () => {
  const view = await arm.done('GET', `${MACHINE}/instanceView`)
  assert.equal(view.statuses.at(-1).code, 'PowerState/running')
  assert.match(await arm.refused('GET', `${MACHINE}none/instanceView`), /^404 ResourceNotFound/)
  assert.ok((await arm.done('GET', `${MACHINE}/vmSizes`)).value.length > 50)
})

test('a guest that is not ready says why', async () => {
  const slow = await startTestMachines()
  try {
    await slow.send('PUT', MACHINE, machineBody())
    await slow.until(async () => (await slow.machines.list()).length === 1)
    const { vmId } = machineOf(await slow.document())
    const view = async () => slow.done('GET', `${MACHINE}/instanceView`)
    assert.match((await view()).vmAgent.statuses[0].message, /has not reported/)
    slow.machines.reportTrouble(vmId, 'ProvisioningFailed: no lease')
    const { vmAgent, statuses } = await view()
    assert.deepEqual(
      [vmAgent.statuses[0].displayStatus, vmAgent.statuses[0].message],
      ['Not Ready', 'ProvisioningFailed: no lease'],
    )
    assert.deepEqual(
      [statuses[0].code, statuses[0].message],
      ['ProvisioningState/creating', 'ProvisioningFailed: no lease'],
    )
    slow.machines.becomeReady(vmId)
    await slow.until(async () => (await slow.document()).provisioningState === 'Succeeded')
    assert.deepEqual(
      [(await view()).vmAgent.statuses[0].displayStatus, (await view()).statuses[0].message],
      ['Ready', undefined],
    )
  } finally {
    await slow.close()
  }
})

test('URLs of the console and the screen', async () => {
  const { body } = await arm.send('POST', `${MACHINE}/retrieveBootDiagnosticsData`)
  assert.match(body.serialConsoleLogBlobUri, /^https:.*\/serialconsole\.log$/)
  const { status } = await arm.send('POST', `${MACHINE}/retrieveBootDiagnosticsData`, undefined, {
    sasUriExpirationTimeInMinutes: '9999',
  })
  assert.equal(status, 400)
})

test('the commands that there are', async () => {
  const commands = await list('locations/eastus/runCommands')
  assert.deepEqual(
    commands.map(({ id, osType }: { id: string; osType: string }) => [id, osType]),
    [
      ['RunShellScript', 'Linux'],
      ['ifconfig', 'Linux'],
    ],
  )
  const one = await arm.done('GET', `${compute}/locations/eastus/runCommands/runshellscript`)
  assert.equal(one.parameters[0].defaultValue, 'value1')
  assert.match(await arm.refused('GET', `${compute}/locations/eastus/runCommands/none`), /^404/)
  assert.match(await arm.refused('GET', `${compute}/locations/nowhere/runCommands`), /^400 LocationNotAvailable/)
})

test('a script of which a crash lost sight is not run again', async () => {
  let runs = 0
  arm.machines.answerScripts(() => ({ exitCode: ++runs, stdout: '', stderr: '' }))
  const operation = runScript({ hosting: { machines: arm.machines } } as never)
  const kept = new Map<string, unknown>()
  const attempt = async (diesAt: string) =>
    operation.run(
      {
        document: await arm.document(),
        input: { script: 'true' },
        signal: new AbortController().signal,
        report() {},
        async note() {},
        async step(name, work) {
          if (kept.has(name)) return kept.get(name) as never
          const result = await work()
          if (name === diesAt) throw new Error('crash')
          kept.set(name, result)
          return result
        },
      },
      arm.arm,
    )
  await assert.rejects(attempt('begin'), /crash/)
  assert.equal(runs, 0)
  await assert.rejects(attempt('run'), /crash/)
  await assert.rejects(attempt(''), { code: 'VMExtensionProvisioningError' })
  assert.equal(runs, 1)
  arm.machines.answerScripts(undefined)
})

test('a script runs in the guest', async () => {
  const run = (body: object) => arm.complete('POST', `${MACHINE}/runCommand`, body as never)
  const script = { commandId: 'RunShellScript', script: ['echo hello', 'echo there'] }
  assert.equal((await run(script)).body.error.code, 'VMAgentStatusCommunicationError')
  arm.machines.answerScripts((_id, text) => ({
    exitCode: 0,
    stdout: `ran ${text.split('\n').length} lines`,
    stderr: '',
  }))
  assert.match((await run(script)).body.value[0].message, /\[stdout\]\nran 2 lines\n\[stderr\]\n$/)
  const texts: string[] = []
  arm.machines.answerScripts((_id, text) => {
    texts.push(text)
    return { exitCode: 0, stdout: '', stderr: '' }
  })
  const parameters = [
    { name: 'arg1', value: "it's" },
    { name: 'b', value: '$(x)' },
  ]
  await run({ ...script, script: ['printf "%s|" "$1" "$2" "$b" "$#"; env | grep ^arg1='], parameters })
  assert.equal(execFileSync('/bin/sh', ['-c', texts[0] ?? '']).toString(), "it's|$(x)|$(x)|2|arg1=it's\n")
  await run({ commandId: 'runshellscript' })
  assert.match(execFileSync('/bin/sh', ['-c', texts[1] ?? '']).toString(), /value1 and value2/)
  const bad = { ...script, parameters: [{ name: 'a;b', value: '' }] }
  assert.match((await run(bad)).body.error.message, /parameters\.name is invalid/)
  assert.equal((await run({ ...script, commandId: 'RunPowerShellScript' })).body.error.code, 'OperationNotSupported')
  arm.machines.powerOff(machineOf(await arm.document()).vmId)
  assert.equal((await run(script)).body.error.code, 'OperationNotAllowed')
})
