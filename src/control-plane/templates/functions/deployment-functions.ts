import type { Json } from '#resources/resource-document.ts'
import type { Frame } from '../frame.ts'
import { fault } from '../template-fault.ts'
import { ANY, type Arguments, type Call, type FunctionTable, of } from './function.ts'

/** What a template asks of its deployment, and of the resources that are there. */
export const deploymentFunctions: FunctionTable = {
  parameters: of(1, 1, (given, { frame }) => frame.parameter(given.text(0))),
  variables: of(1, 1, (given, { frame }) => frame.variable(given.text(0))),
  copyIndex: of(0, 2, copyIndex),
  deployment: of(0, 0, (_given, { frame }) => frame.surroundings.deployment()),
  deployer: of(0, 0, (_given, { frame }) => frame.surroundings.deployer()),
  environment: of(0, 0, (_given, { frame }) => frame.surroundings.environment()),
  resourceGroup: of(0, 0, (_given, { frame }) => frame.surroundings.resourceGroup()),
  subscription: of(0, 0, (_given, { frame }) => frame.surroundings.subscription()),
  tenant: of(0, 0, (_given, { frame }) => frame.surroundings.tenant()),
  managementGroup: of(0, 0, () => {
    throw fault.notServed('The template function managementGroup')
  }),
  providers: of(1, 2, (given, call) => {
    const type = given.count > 1 ? { type: given.text(1) } : {}
    return lookUp(call, { kind: 'provider', namespace: given.text(0), ...type })
  }),
  pickZones: of(3, 5, pickZones),
  reference: of(1, 3, reference),
  references: of(1, 2, references),
  resourceInfo: of(1, 1, (given, call) => {
    const found = symbolic(given.text(0), call)
    const parts = found.id.slice(found.id.lastIndexOf('/providers/') + 11).split('/')
    const type = [parts[0], ...parts.filter((_, at) => at % 2 === 1)].join('/')
    const name = parts.filter((_, at) => at > 0 && at % 2 === 0).join('/')
    return { id: found.id, name, type, apiVersion: found.apiVersion }
  }),
  'list*': of(2, 3, (given, call) => {
    const body = given.count > 2 ? { body: given.json(2) } : {}
    return lookUp(call, {
      kind: 'list',
      action: call.name,
      id: idOf(given.text(0), call).id,
      apiVersion: given.text(1),
      ...body,
    })
  }),
}

const requirePlace = (call: Call): void => {
  if (!call.frame.looksUp) throw fault.notHere(call.name)
}

const lookUp = (call: Call, what: Parameters<Frame['surroundings']['lookUp']>[0]): Json => {
  requirePlace(call)
  return call.frame.surroundings.lookUp(what)
}

function copyIndex(given: Arguments, call: Call): Json {
  const name = typeof given.values[0] === 'string' ? given.text(0) : ''
  const offsetAt = name === '' ? 0 : 1
  const index = call.frame.loops.get(name.toLowerCase())
  if (index === undefined) throw fault.notHere('copyIndex')
  return index + (given.values[offsetAt] === undefined ? 0 : given.integer(offsetAt))
}

/** `Full` gives the whole resource, else its properties. */
function reference(given: Arguments, call: Call): Json {
  requirePlace(call)
  const full = given.optionalText(2, '').toLowerCase() === 'full'
  const { id, apiVersion } = idOf(given.text(0), call)
  const version = given.optionalText(1, '') || apiVersion
  return lookUp(call, { kind: 'reference', id, full, ...(version ? { apiVersion: version } : {}) })
}

function references(given: Arguments, call: Call): Json {
  requirePlace(call)
  const full = given.optionalText(1, '').toLowerCase() === 'full'
  const found = call.frame.resourceOf?.(given.text(0))
  if (!Array.isArray(found))
    throw fault.value(call.name, 'the symbolic name of a resource with a copy loop is expected.')
  return found.map(({ id, apiVersion }) => lookUp(call, { kind: 'reference', id, full, apiVersion }))
}

const symbolic = (name: string, call: Call): { id: string; apiVersion: string } => {
  const found = call.frame.resourceOf?.(name)
  if (found === undefined || Array.isArray(found))
    throw fault.value(call.name, `'${name.slice(0, 200)}' is no resource of the template.`)
  return found as { id: string; apiVersion: string }
}

/** A resource by its id, or by the name of one of the template. */
const idOf = (name: string, call: Call): { id: string; apiVersion?: string } => {
  const ofTemplate = call.frame.resourceOf?.(name)
  if (ofTemplate && !Array.isArray(ofTemplate)) return ofTemplate as { id: string; apiVersion: string }
  if (name.startsWith('/')) return { id: name }
  throw fault.value(
    call.name,
    `the resource '${name.slice(0, 200)}' is not defined in the template: the unique name or the id of a resource is expected.`,
  )
}

/** No region here has zones: an empty list, as Azure answers for a region without. */
function pickZones(given: Arguments): Json {
  given.text(0)
  return []
}

/** Functions of Azure that say what only Azure knows. */
const absent = ['toLogicalZone', 'toLogicalZones', 'toPhysicalZone', 'toPhysicalZones', 'externalInput', 'secret']

export const absentFunctions: FunctionTable = Object.fromEntries(
  absent.map(name => [
    name,
    of(0, ANY, () => {
      throw fault.notServed(`The template function ${name}`)
    }),
  ]),
)
