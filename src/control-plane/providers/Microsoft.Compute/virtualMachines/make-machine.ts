import type { Arm, ResourceOperation } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import type { Deployments } from './deployments.ts'
import { joinNic } from './find-nics.ts'
import { asHidden, nicsOfMachine } from './machine-document.ts'
import { failureOf } from './machine-failure.ts'
import { makeDisks } from './make-disks.ts'
import type { MakeInput } from './plan-machine.ts'
import { awaitGuest, noteMachine, startMachine, toldOfMachine } from './start-machine.ts'

/**
 * Makes a machine: its disks with bytes of their own, its network interfaces its own, then the machine itself. It is there when its
 * guest has reported that it is provisioned, or at once where nothing is to be provisioned.
 */
export const makeMachine = (parts: ComputeParts, deployments: Deployments): ResourceOperation => ({
  kind: 'make machine',
  async run({ document, input, step, signal, report }, arm) {
    const { disks, queue, awaitsGuest } = input as unknown as MakeInput
    const leave = await enter(document, queue, deployments, signal, arm)
    try {
      if (queue) await noteMachine(arm, document.key, { phase: 'starting', waiting: null })
      await makeDisks(document, disks, parts, { step, signal, report }, arm)
      report(40)
      for (const nic of nicsOfMachine(document)) await step(`join ${nic.id}`, () => joinNic(arm, nic, document.id))
      await startMachine(document, parts, arm)
      report(50)
      if (awaitsGuest) await awaitGuest(document, parts, arm, signal)
      return { hidden: asHidden({ failure: null, phase: null }) }
    } finally {
      leave()
    }
  },
  explain: toldOfMachine,
  failed: (fault, document) => ({ hidden: asHidden({ ...failureOf(fault, document), phase: null, waiting: null }) }),
})

/** Waits for a place among the machines that are made of the image now, and says so meanwhile. */
const enter = async (
  { key }: ResourceDocument,
  queue: MakeInput['queue'],
  deployments: Deployments,
  signal: AbortSignal,
  arm: Arm,
): Promise<() => void> => {
  if (!queue) return () => {}
  return await deployments.enter(queue.name, queue.places, signal, taken =>
    noteMachine(arm, key, {
      waiting: `${taken} virtual machines are being made of this image in the region, as many as its replicas there serve at a time. This one waits for its turn: more replicas serve more.`,
    }),
  )
}
