import { Type } from 'typebox'
import type { Action } from '#arm/resource-type.ts'
import { interfaceError } from './interface-errors.ts'
import { machineOf } from './interface-schema.ts'

const machine = () => Type.Optional(Type.Object({ id: Type.Optional(Type.String({ format: 'arm-id' })) }))

/**
 * How a virtual machine takes a network interface, `{"virtualMachine": {"id"}, "primary": true}`, and lets go of it,
 * `{"virtualMachine": null, "from": {"id"}}`: `from` keeps a repeated release from taking it away from the next machine. Both can be
 * said again. In Azure compute and network settle this behind ARM.
 */
export const join: Action = {
  permission: 'join/action',
  internal: true,
  body: Type.Object({ virtualMachine: machine(), from: machine(), primary: Type.Optional(Type.Boolean()) }),
  async run({ document, body }, arm) {
    const { virtualMachine, from, primary } = body as {
      virtualMachine?: { id: string }
      from?: { id: string }
      primary?: boolean
    }
    const holder = machineOf(document)
    const { virtualMachine: _machine, primary: _primary, ...properties } = document.properties
    const etag = arm.random.uuid()
    if (virtualMachine === undefined) {
      if (holder === undefined || (from && !isSame(from.id, holder))) return { status: 204 }
      return { status: 204, document: { ...document, properties, etag } }
    }
    if (holder !== undefined && !isSame(holder, virtualMachine.id))
      throw interfaceError.takenByOther(document.id, holder)
    const joined = { ...properties, virtualMachine: { id: virtualMachine.id }, primary: primary ?? true }
    return { status: 204, document: { ...document, properties: joined, etag } }
  },
}

const isSame = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()
