import type { TSchema } from 'typebox'

/** The parts of a JSON schema that the body reader understands, with our marks (see `ResourceType`). */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly SchemaNode[]
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly default?: unknown
  readonly readOnly?: boolean
  readonly writeOnly?: boolean
  readonly immutable?: boolean
  readonly keep?: boolean
  readonly emptyIsAbsent?: boolean
}

/** A TypeBox schema as the body reader sees it. */
export const nodeOf = (schema: TSchema): SchemaNode => schema as SchemaNode

/** The literals a node allows: `enum`, or a union of constants. */
export const literalsOf = (node: SchemaNode): readonly unknown[] | undefined => {
  if (node.enum) return node.enum
  if (node.const !== undefined) return [node.const]
  return node.anyOf?.every(choice => choice.const !== undefined) ? node.anyOf.map(choice => choice.const) : undefined
}

/** The schema of a dictionary's values (`Type.Record`). */
export const valuesOf = (node: SchemaNode): SchemaNode | undefined => Object.values(node.patternProperties ?? {})[0]

/** Finds a member's schema by its name in any case, as Azure's readers do. */
export const memberOf = (node: SchemaNode, name: string): [string, SchemaNode] | undefined => {
  const exact = Object.hasOwn(node.properties ?? {}, name) ? node.properties?.[name] : undefined
  if (exact) return [name, exact]
  const lower = name.toLowerCase()
  return Object.entries(node.properties ?? {}).find(([known]) => known.toLowerCase() === lower)
}
