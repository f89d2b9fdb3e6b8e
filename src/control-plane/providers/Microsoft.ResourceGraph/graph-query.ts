import { Type } from 'typebox'

const MAX_PAGE = 1000

/** The body of a query, as of all its api-versions. */
export const graphQuerySchema = Type.Object({
  query: Type.String({ minLength: 1, maxLength: 100_000 }),
  subscriptions: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 1000 })),
  managementGroups: Type.Optional(Type.Array(Type.String({ maxLength: 100 }))),
  options: Type.Optional(
    Type.Object({
      $top: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE })),
      $skip: Type.Optional(Type.Integer({ minimum: 0 })),
      $skipToken: Type.Optional(Type.String({ maxLength: 500, emptyIsAbsent: true })),
      resultFormat: Type.Optional(Type.Union([Type.Literal('table'), Type.Literal('objectArray')])),
      /** More scopes than a query takes are not there to be left out. */
      allowPartialScopes: Type.Optional(Type.Boolean()),
      authorizationScopeFilter: Type.Optional(
        Type.Union(
          ['AtScopeAndBelow', 'AtScopeAndAbove', 'AtScopeExact', 'AtScopeAboveAndBelow'].map(name =>
            Type.Literal(name),
          ),
        ),
      ),
    }),
  ),
  facets: Type.Optional(
    Type.Array(
      Type.Object({
        expression: Type.String({ minLength: 1, maxLength: 1000 }),
        options: Type.Optional(
          Type.Object({
            filter: Type.Optional(Type.String({ maxLength: 1000 })),
            sortBy: Type.Optional(Type.String({ maxLength: 1000 })),
            sortOrder: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
            $top: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE })),
          }),
        ),
      }),
      { maxItems: 10 },
    ),
  ),
})

export type ResultFormat = 'table' | 'objectArray'

export interface FacetRequest {
  readonly expression: string
  readonly options?: {
    readonly filter?: string
    readonly sortBy?: string
    readonly sortOrder?: 'asc' | 'desc'
    readonly $top?: number
  }
}

/** The body after it was checked. */
export interface GraphQuery {
  readonly query: string
  readonly subscriptions?: readonly string[]
  readonly managementGroups?: readonly string[]
  readonly options?: {
    readonly $top?: number
    readonly $skip?: number
    readonly $skipToken?: string
    readonly resultFormat?: ResultFormat
    readonly authorizationScopeFilter?: string
  }
  readonly facets?: readonly FacetRequest[]
}

/** Older versions answer with tables of a hundred rows where nothing else is asked for. */
export const isOlder = (apiVersion: string): boolean => apiVersion < '2021-03-01'

export const formatOf = ({ options }: GraphQuery, apiVersion: string): ResultFormat =>
  options?.resultFormat ?? (isOlder(apiVersion) ? 'table' : 'objectArray')

export const pageSizeOf = ({ options }: GraphQuery, apiVersion: string): number =>
  options?.$top ?? (isOlder(apiVersion) ? 100 : MAX_PAGE)
