import { Type } from 'typebox'
import type { Action, ResourceOperation } from '#arm/resource-type.ts'
import { AgentSilent } from '#data-plane/machines/machines.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { machineOf } from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import { type RunCommandParameter, requireRunCommand, scriptWith } from './run-commands.ts'
import { toldOfMachine } from './start-machine.ts'

/** As long as Azure lets one run. */
const TIMEOUT_MS = 90 * 60_000

interface RunCommandBody {
  readonly commandId: string
  readonly script?: readonly string[]
  readonly parameters?: readonly RunCommandParameter[]
}

/** Runs a shell script as root in a machine's guest, by its agent; the answer has the end of what it wrote. */
export const runCommand = ({ hosting }: ComputeParts): Action => ({
  permission: 'runCommand/action',
  body: Type.Object({
    commandId: Type.String({ maxLength: 200 }),
    script: Type.Optional(Type.Array(Type.String({ maxLength: 65_536 }), { maxItems: 1000 })),
    parameters: Type.Optional(
      Type.Array(Type.Object({ name: Type.String({ maxLength: 200 }), value: Type.String({ maxLength: 65_536 }) }), {
        maxItems: 100,
      }),
    ),
  }),
  async run({ document, body }) {
    const { commandId, script = [], parameters = [] } = body as unknown as RunCommandBody
    const command = requireRunCommand(commandId)
    const defaults = command.parameters.map(({ name, defaultValue }) => ({ name, value: defaultValue }))
    const isOwn = script.length > 0
    const passed = isOwn || parameters.length > 0 ? parameters : defaults
    const text = scriptWith(isOwn ? script : command.script, passed)
    const { kind } = await hosting.machines.state(machineOf(document).vmId)
    if (kind !== 'running') throw machineError.notRunning('run a command', document.name)
    return { work: { kind: 'run command', input: { script: text } } }
  },
})

/** A script may do anything, so it never runs twice: one of which a crash lost sight of is told as that. */
export const runScript = ({ hosting }: ComputeParts): ResourceOperation => ({
  kind: 'run command',
  async run({ document, input, step }) {
    const { vmId } = machineOf(document)
    let isFirst = false
    await step('begin', async () => {
      isFirst = true
    })
    const ran = await step('run', () => {
      if (!isFirst) throw machineError.scriptLost(document.name)
      isFirst = false
      return hosting.machines.runScript(vmId, String(input.script), { timeoutMs: TIMEOUT_MS }).catch(fault => {
        throw fault instanceof AgentSilent ? machineError.agentSilent(document.name) : fault
      })
    })
    const isGood = ran.exitCode === 0
    const message = `Enable ${isGood ? 'succeeded' : `failed: failed to execute command: command terminated with exit status=${ran.exitCode}`}: \n[stdout]\n${ran.stdout}\n[stderr]\n${ran.stderr}`
    const status = { code: 'ProvisioningState/succeeded', level: 'Info', displayStatus: 'Provisioning succeeded' }
    return { output: { value: [{ ...status, message }] } }
  },
  explain: toldOfMachine,
})
