import { armError } from '#arm/arm-error.ts'
import type { Action, Call } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { asHidden, hiddenOf, machineOf } from './machine-document.ts'
import { machineError } from './machine-errors.ts'

export type PowerAction = 'start' | 'restart' | 'redeploy' | 'powerOff' | 'deallocate' | 'reapply'

/** What the operation behind an action is told. */
export interface PowerInput {
  readonly action: PowerAction
  /** Pull the plug instead of pressing the button. */
  readonly skipShutdown?: boolean
}

const power = (action: PowerAction, check: (call: Call) => void = () => {}): Action => ({
  permission: `${action}/action`,
  async run(call) {
    const { name } = call.document
    if (hiddenOf(call.document).power === undefined) throw machineError.notMade(action, name)
    if (call.request.query.get('hibernate') === 'true') throw armError.notServed('Hibernation')
    check(call)
    const skipShutdown = call.request.query.get('skipshutdown') === 'true'
    const input: PowerInput = { action, ...(skipShutdown ? { skipShutdown } : {}) }
    return { work: { kind: 'power machine', input: input as unknown as JsonObject } }
  },
})

const notGeneralized =
  (operation: string) =>
  ({ document }: Call): void => {
    if (hiddenOf(document).generalizedAt) throw machineError.generalized(operation, document.name)
  }

/** What is done about a machine's power, each the work of an operation. */
export const powerActions = {
  start: power('start', notGeneralized('start')),
  restart: power('restart', notGeneralized('restart')),
  redeploy: power('redeploy', notGeneralized('redeploy')),
  reapply: power('reapply'),
  powerOff: power('powerOff'),
  deallocate: power('deallocate'),
}

/**
 * Marks a machine as generalized: nothing in its guest is its own any more, so that images can be made of it, and it is never started
 * again. Nobody looks into the guest, as in Azure.
 */
export const generalize = ({ hosting }: ComputeParts): Action => ({
  permission: 'generalize/action',
  async run({ document }, { clock }) {
    const { power: meant, generalizedAt } = hiddenOf(document)
    if (meant === undefined) throw machineError.notMade('generalize', document.name)
    if (generalizedAt) return { status: 200 }
    const { kind } = await hosting.machines.state(machineOf(document).vmId)
    if (kind === 'running') throw machineError.running('generalize', document.name)
    const hidden = { ...document.hidden, ...asHidden({ generalizedAt: clock.now().toISOString() }) }
    return { status: 200, document: { ...document, hidden } }
  },
})
