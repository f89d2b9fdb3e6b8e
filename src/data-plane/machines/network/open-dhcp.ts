import * as dgram from 'node:dgram'
import { isDeepStrictEqual } from 'node:util'
import type { Log } from '#foundation/log.ts'
import type { MachineNic } from '../machines.ts'
import { answerDhcp, readDhcp } from './dhcp-packet.ts'
import { segmentOf } from './segment.ts'

/** Hands out the private addresses of machines, each on its own network. */
export interface Dhcp {
  /** From now on these interfaces, and no others of this machine, get their address. Also for a machine that has long been running. */
  serve(machineId: string, nics: readonly MachineNic[]): Promise<void>
  forget(machineId: string): Promise<void>
  close(): Promise<void>
}

/** Who answers: locally administered, the same on every network. */
const serverMac = '12:34:56:78:9a:bc'

interface OpenSegment {
  readonly socket: dgram.Socket
  /** By hardware address. */
  readonly nics: Map<string, MachineNic>
}

const listen = (segment: { group: string; port: number }, onFrame: (frame: Buffer, socket: dgram.Socket) => void) =>
  new Promise<dgram.Socket>((resolve, reject) => {
    const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true })
    socket.once('error', reject)
    socket.on('message', frame => onFrame(frame, socket))
    // Bound to the group itself, so that no other network's datagrams on the same port arrive here.
    socket.bind({ address: segment.group, port: segment.port }, () => {
      socket.addMembership(segment.group, '127.0.0.1')
      socket.setMulticastInterface('127.0.0.1')
      socket.setMulticastLoopback(true)
      socket.off('error', reject)
      resolve(socket)
    })
  })

/**
 * Listens on the segments of all networks that have a machine. Leases never end, so a guest that has its address needs us no more; one
 * that starts while this process is down asks until it is back, as long as its client has the patience.
 */
export const openDhcp = (hostId: string, log: Log): Dhcp => {
  const segments = new Map<string, Promise<OpenSegment>>()
  const served = new Map<string, readonly MachineNic[]>()
  /** Changes go one after the other, or two could open or close a segment at one time. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }

  const open = async (network: string): Promise<OpenSegment> => {
    const segment = segmentOf(hostId, network)
    const nics = new Map<string, MachineNic>()
    const socket = await listen(segment, (frame, from) => {
      const request = readDhcp(frame)
      const nic = request && nics.get(request.mac)
      const answer =
        nic && answerDhcp(request, { address: nic.privateAddress, prefixLength: nic.prefixLength }, serverMac)
      if (answer) from.send(answer, segment.port, segment.group)
    })
    socket.on('error', error => log.error('A private network hands out no addresses', { network, error }))
    return { socket, nics }
  }

  const forget = async (machineId: string) => {
    const nics = served.get(machineId) ?? []
    served.delete(machineId)
    for (const nic of nics) {
      const segment = await segments.get(nic.network)
      segment?.nics.delete(nic.mac.toLowerCase())
      if (segment?.nics.size !== 0) continue
      segments.delete(nic.network)
      await new Promise<void>(resolve => segment.socket.close(resolve))
    }
  }

  const serve = async (machineId: string, nics: readonly MachineNic[]) => {
    if (isDeepStrictEqual(served.get(machineId) ?? [], nics)) return
    await forget(machineId)
    for (const nic of nics) {
      const opening = segments.get(nic.network) ?? open(nic.network)
      segments.set(nic.network, opening)
      const segment = await opening.catch(error => {
        segments.delete(nic.network)
        throw error
      })
      segment.nics.set(nic.mac.toLowerCase(), nic)
      served.set(machineId, [...(served.get(machineId) ?? []), nic])
    }
  }

  return {
    serve: (machineId, nics) => inTurn(() => serve(machineId, nics)),
    forget: machineId => inTurn(() => forget(machineId)),
    close: () =>
      inTurn(async () => {
        for (const machineId of [...served.keys()]) await forget(machineId)
      }),
  }
}
