import { createHash } from 'node:crypto'

/** The guest's address on its first interface, where forwards arrive. Nobody else is on that segment. */
export const managementAddress = '169.254.169.15'
/** Where a guest with a way outward asks for names: the host's own name server answers. */
export const nameServerAddress = '169.254.169.3'
/** Instance metadata, as on every cloud. */
export const metadataAddress = '169.254.169.254'
/** What the Azure agents call the fabric or wire server. */
export const fabricAddress = '168.63.129.16'

/** The address of a machine's first interface, in Microsoft's other range: made from its id, kept for good. */
export const managementMac = (machineId: string): string => {
  const [a, b, c] = createHash('sha256').update(`management ${machineId}`).digest()
  return `7c:1e:52:${[a, b, c].map(byte => (byte ?? 0).toString(16).padStart(2, '0')).join(':')}`
}
