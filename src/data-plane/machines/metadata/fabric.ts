import { element, escapeXml } from '#data-plane/xml/write-xml.ts'
import type { MachineSpec } from '../machines.ts'
import { fabricAddress } from '../network/management.ts'
import { type GuestRequest, notFound, type Reply, textReply, xmlReply } from './reply.ts'

/** What a guest says of its provisioning. */
export type HealthReport =
  | { readonly kind: 'ready' }
  /** `subStatus` is `ProvisioningFailed` for a failure, `Provisioning` or `Starting` on the way. */
  | { readonly kind: 'not ready'; readonly subStatus: string; readonly description: string }

/** The protocol that both cloud-init and the Azure Linux agent speak. */
const protocol = '2012-11-30'

const unescaped = (text: string) =>
  text.replace(
    /&(amp|lt|gt|quot|apos);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'",
  )

interface Names {
  /** Azure's name for a machine on its host. Another one for each instance. */
  readonly container: string
  readonly role: string
}
const namesOf = ({ id, identity }: MachineSpec): Names => ({ container: id, role: `_${identity.hostname}` })

const goalState = (spec: MachineSpec) => {
  const { container, role } = namesOf(spec)
  const config = (type: string) =>
    `http://${fabricAddress}:80/machine/${container}/${encodeURIComponent(role)}?comp=config&type=${type}&incarnation=1`
  // Neither certificates nor extensions: keys are on the disc as they are, and nothing is installed by this way.
  const configuration = element('Configuration', [
    element('HostingEnvironmentConfig', config('hostingEnvironmentConfig')),
    element('SharedConfig', config('sharedConfig')),
    element('ConfigName', `${container}.1.xml`),
  ])
  const instance = element('RoleInstance', [element('InstanceId', role), element('State', 'Started'), configuration])
  const machine = element('Machine', [
    element('ExpectedState', 'Started'),
    element('StopRolesDeadlineHint', '300000'),
    element('ExpectHealthReport', 'FALSE'),
  ])
  return element('GoalState', [
    element('Version', protocol),
    element('Incarnation', '1'),
    machine,
    element('Container', [element('ContainerId', container), element('RoleInstanceList', [instance])]),
  ])
}

/** Names and addresses of the one machine that there is in its deployment. */
const configurations = (spec: MachineSpec): Readonly<Record<string, string>> => {
  const role = escapeXml(namesOf(spec).role)
  const head = 'version="1.0.0.0" goalStateIncarnation="1"'
  const deployment = `<Deployment name="${spec.id}" guid="{${spec.id}}" incarnation="1"><Service name="${spec.id}" guid="{${spec.id}}"/></Deployment>`
  const incarnation = `<Incarnation number="1" instance="${role}" guid="{${spec.id}}"/>`
  const roleElement = `<Role guid="{${spec.id}}" name="${role}" settleTimeSeconds="0"/>`
  const address = spec.nics[0]?.privateAddress ?? ''
  return {
    hostingEnvironmentConfig: `<HostingEnvironmentConfig ${head}><StoredCertificates/>${deployment}${incarnation}${roleElement}</HostingEnvironmentConfig>`,
    sharedConfig: `<SharedConfig ${head}>${deployment}${incarnation}${roleElement}<Instances><Instance id="${role}" address="${address}"/></Instances></SharedConfig>`,
  }
}

/** The first text of an element that has no children; no entities are expanded but XML's own five. */
const textOf = (body: string, name: string): string | undefined => {
  const found = new RegExp(`<${name}>([^<]{0,4096})</${name}>`).exec(body)?.[1]
  return found === undefined ? undefined : unescaped(found).trim()
}

/** Reads a report of health: `undefined` for anything else, and for one that names another machine. */
export const readHealth = (body: string, machineId: string): HealthReport | undefined => {
  const container = textOf(body, 'ContainerId')
  if (container !== undefined && container.toLowerCase() !== machineId.toLowerCase()) return undefined
  const state = textOf(body, 'State')
  if (state === 'Ready') return { kind: 'ready' }
  if (state !== 'NotReady') return undefined
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a guest's text goes to logs and terminals
  const printable = (text: string) => text.replace(/[\u0000-\u001f\u007f]+/g, ' ')
  return {
    kind: 'not ready',
    subStatus: printable(textOf(body, 'SubStatus') ?? '').slice(0, 64),
    description: printable(textOf(body, 'Description') ?? '').slice(0, 512),
  }
}

/**
 * What 168.63.129.16 answers: enough for a guest to be provisioned and to say how that went. `report` resolves once the report is kept
 * for good; only then does the guest hear that it arrived.
 */
export const answerFabric = async (
  spec: MachineSpec,
  request: GuestRequest,
  report: (health: HealthReport) => Promise<void>,
): Promise<Reply> => {
  const { method, path, query, headers } = request
  const about = query.get('comp')
  if (path === '/' && about === 'versions' && method === 'GET') {
    const version = element('Version', protocol)
    return xmlReply(element('Versions', [element('Preferred', [version]), element('Supported', [version])]))
  }
  const isOwn = path === '/machine' || path === '/machine/'
  const { container, role } = namesOf(spec)
  if (!isOwn && path !== `/machine/${container}/${encodeURIComponent(role)}`) return notFound
  // Azure demands it too. A page that can be made to fetch an address can't set it.
  if (headers['x-ms-version'] === undefined) return textReply(400, 'The x-ms-version header is required.')
  if (method === 'GET' && isOwn && about === 'goalstate') return xmlReply(goalState(spec))
  if (method === 'GET' && !isOwn && about === 'config') {
    const configuration = new Map(Object.entries(configurations(spec))).get(query.get('type') ?? '')
    return configuration === undefined ? notFound : xmlReply(configuration)
  }
  if (method !== 'POST' || !isOwn || about !== 'health') return notFound
  const health = readHealth(request.body, spec.id)
  if (!health) return textReply(400, 'This is no report of this machine’s health.')
  await report(health)
  return textReply(200, '')
}
