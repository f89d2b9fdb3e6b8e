import type { TSchema } from 'typebox'
import type { Clock } from '#foundation/clock.ts'
import type { Transaction } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import type { Conclusion, Step } from '#operations/operations.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import type { ArmError } from './arm-error.ts'
import type { ResourceId } from './resource-id.ts'

/** Who sends a request, as the token says. */
export interface Caller {
  readonly tenantId: string
  readonly objectId: string
  readonly clientId: string
  /** What `systemData` shows: user name or application id. */
  readonly displayName: string
  readonly kind: 'User' | 'Application'
}

/**
 * Who needs no role to read what tells of the installation and of nobody in it: every principal of the tenant (and, in a subscription,
 * whoever has any right there), or only the latter.
 */
export type Openness = 'tenant' | 'subscription'

/** What a request that changes something tells the activity log, beside what the pipeline does. */
export interface RequestActivity {
  /** Writes down, in the commit of the change, that it was made. The answer then says so: `isWrittenDown`. */
  note(transaction: Transaction, status: 'Accepted' | 'Succeeded', statusCode: number): Promise<void>
  /** Kept with the operation that the request begins, for the record of its end. */
  readonly labels: Readonly<Record<'action' | 'resourceId' | 'correlationId' | 'operationId', string>>
}

/** A request after the pipeline has read it. */
export interface ArmRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'
  readonly caller: Caller
  readonly apiVersion: string
  /** Query parameters with lower-case names: `$expand`, `$filter`, `sharedto`. */
  readonly query: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The parsed body of a write; `undefined` when there was none. */
  readonly body: Json | undefined
  /** Where clients reach this server, without trailing slash: `https://127.0.0.1:9443`. */
  readonly origin: string
  /** Of a request that is written down: neither a read nor a preview. */
  readonly activity?: RequestActivity
}

export interface ArmResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Json
  /** The activity log has its record already, by the commit of the change. Not sent. */
  readonly isWrittenDown?: true
}

/** A configured region. */
export interface Location {
  /** `westus2` */
  readonly name: string
  /** `West US 2` */
  readonly displayName: string
}

/** What a provider may ask of the control plane. */
export interface Arm {
  readonly resources: Resources
  readonly clock: Clock
  readonly random: Random
  readonly locations: readonly Location[]
  /** A location by either name, in any case and spacing: `West US 2` is `westus2`. */
  findLocation(name: string): Location | undefined
  /** A request within the process, with the caller's rights: how one provider reaches another. */
  send(request: {
    method: ArmRequest['method']
    path: string
    apiVersion?: string
    query?: Record<string, string>
    headers?: Record<string, string>
    body?: Json
    caller: Caller
    origin: string
  }): Promise<ArmResponse>
  /**
   * Like `send`, but waits for the operation that the request began; the answer is the final one. Throws `LeftUnfinished` when the
   * process leaves before there is one.
   */
  complete(request: Parameters<Arm['send']>[0]): Promise<ArmResponse>
  /** What a PUT would answer, were it made: its rules are asked, nothing is saved and nothing begins. */
  preview(request: Parameters<Arm['send']>[0]): Promise<ArmResponse>
  /** Saves documents of the own types outside of a verb: what a transaction holds is one commit. */
  transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /**
   * Begins work on a resource whose last work failed, in nobody's name: what was asked for then is done now. False if the resource is
   * no longer `Failed` or is being worked on.
   */
  takeUpAgain(key: string, work: Work): Promise<boolean>
  /** The server as a caller, for work that no request stands behind any more. May do everything; no token can name it. */
  readonly itself: Caller
  /** Resolves when nothing works on the resource any more, or, with work left, when the process is leaving. */
  settled(key: string): Promise<void>
  /** Stops the work on a resource; resolves when it has ended. False if there was none. */
  cancel(key: string): Promise<boolean>
  /**
   * Whether the caller's roles allow `action` (`Microsoft.Compute/disks/read`) at the scope: as a data action where a type declares it
   * as one. Never in a subscription of another tenant.
   */
  mayDo(caller: Caller, action: string, scope: ResourceId): Promise<boolean>
  /** Whether the caller has any role at the scope, above it or below. */
  hasRights(caller: Caller, scope: ResourceId): boolean
  /** The tenant of a subscription that is there. */
  tenantOf(subscriptionId: string): string | undefined
}

/** A durable piece of work on the resource that was just saved. */
export interface Work {
  /** Names a `ResourceOperation` of the same provider. */
  readonly kind: string
  readonly input: JsonObject
}

/** A PUT or PATCH as a type's rules see it. */
export interface Change {
  readonly verb: 'PUT' | 'PATCH'
  readonly id: ResourceId
  readonly request: ArmRequest
  readonly existing: ResourceDocument | undefined
  /** The resource it lies in, the group or the subscription; `undefined` in the tenant. */
  readonly parent: ResourceDocument | undefined
  /** What is to be saved: checked against the schema, defaults filled in, merged over `existing`. */
  readonly wanted: ResourceDocument
  /** What the caller really sent of the writable properties, canonical; to tell «absent» from «the same as before». */
  readonly given: JsonObject
}

/** What a type's rules make of a change. Without `work` the resource is `Succeeded` when the answer leaves. */
export interface Plan {
  readonly document: ResourceDocument
  readonly work?: Work
  /** Status of the first answer; default 201 for a new resource, 200 for a changed one. */
  readonly status?: 200 | 201 | 202
  /**
   * The last word, in the commit that saves the document: what can only be decided while nobody else writes (which address of a
   * range is free), and what other documents note of this one. Returns what is saved; a refusal undoes all of it.
   */
  readonly inCommit?: (transaction: Transaction, document: ResourceDocument) => Promise<ResourceDocument>
}

export interface Call {
  readonly id: ResourceId
  readonly document: ResourceDocument
  readonly request: ArmRequest
  /** The body, checked against the action's schema. */
  readonly body: JsonObject
}

/** Either the answer itself, or work whose `output` will be the body at `Location`. */
export type ActionAnswer =
  | { readonly status: 200 | 204; readonly body?: Json; readonly document?: ResourceDocument }
  | { readonly work: Work; readonly document?: ResourceDocument }

export interface Action {
  /** Behind the type in the action string: `beginGetAccess/action`. */
  readonly permission: string
  /**
   * Only for requests of other providers in this process; for clients it is as if it were not there. For what Azure's providers say
   * to each other behind ARM (a machine takes a network interface), which no client could take back or be trusted with.
   */
  readonly internal?: true
  readonly body?: TSchema
  run(call: Call, arm: Arm): Promise<ActionAnswer>
}

/** What a GET asks for beside the plain resource. */
export interface View {
  readonly request: ArmRequest
  /** Lower-case values of `$expand`. */
  readonly expand: ReadonlySet<string>
  readonly verb: 'get' | 'list' | 'write'
}

/** An action on something that is not stored: a provider of a subscription, a location. */
export interface ComputedAction {
  readonly permission: string
  readonly openTo?: Openness
  readonly body?: TSchema
  run(call: { id: ResourceId; request: ArmRequest; body: JsonObject }, arm: Arm): Promise<Json | undefined>
}

/** Types whose members are worked out, not stored: locations, providers, the lists of a shared gallery. */
export interface Computed {
  get?(id: ResourceId, request: ArmRequest, arm: Arm): Promise<Json | undefined>
  /** What lies at a collection's place where Azure has but one thing there: `.../virtualMachines/V/instanceView`. */
  one?(parent: ResourceId, request: ArmRequest, arm: Arm): Promise<Json>
  /**
   * A page of a list that is too long to be complete, with its own `nextLink`. It must show nothing that the caller may not read: who
   * has rights only below `parent` is let through to it.
   */
  page?(parent: ResourceId, request: ArmRequest, arm: Arm): Promise<Json>
  /** Members below `parent`, complete and in order. */
  list?(parent: ResourceId, request: ArmRequest, arm: Arm): Promise<readonly Json[]>
  /** What is asked for a member of a list when not all of them may be read; default: to read this type. */
  actionOf?(member: Json): string
  /** A list is the array alone, without `value` around it: so are the platform images of Microsoft.Compute. */
  readonly bareList?: true
  /** Writes that are no stored document of this type's own: the tags of another resource. */
  write?(verb: 'PUT' | 'PATCH', id: ResourceId, request: ArmRequest, arm: Arm): Promise<ArmResponse>
  /** What a PUT would answer, with nothing saved. */
  preview?(id: ResourceId, request: ArmRequest, arm: Arm): Promise<ArmResponse>
  remove?(id: ResourceId, request: ArmRequest, arm: Arm): Promise<ArmResponse>
  /** Answers a GET with a status of its own: the poll of an operation. */
  answer?(id: ResourceId, request: ArmRequest, arm: Arm): Promise<ArmResponse>
  readonly actions?: Readonly<Record<string, ComputedAction>>
}

/** What a client sees of a stored resource. */
export interface Presentation {
  readonly envelope?: JsonObject
  readonly properties: JsonObject
  /** In the type's own words; default: the document's. */
  readonly provisioningState?: string
}

/**
 * Everything the uniform verbs need to know of a resource type. A provider fills this in; verbs, etags, merging, paging, operations
 * and errors are written once, in `verbs/`. What does not fit gets a named hook here, never a test for the type over there.
 *
 * The schema is TypeBox's JSON schema of the whole body without id, name, type, location, tags and systemData:
 * `Type.Object({ properties: Type.Object({...}), sku: Type.Optional(...) })`. The reader in `read-body.ts` understands these marks:
 * - `readOnly: true`: ignored in a body, kept from the stored resource;
 * - `immutable: true`: absent in a PUT means unchanged, another value is `PropertyChangeNotAllowed`;
 * - `keep: true`: absent in a PUT means unchanged, but it may be changed;
 * - `writeOnly: true`: handed to `plan` in `given`, never stored;
 * - `default`: filled in when absent at creation or, unless immutable or kept, in any PUT;
 * - a string `enum`/union of literals is matched in any case and stored in the schema's spelling;
 * - `format: 'date-time'`: parsed as Azure parses dates and stored as ISO 8601 UTC; `''` counts as absent;
 * - `format: 'arm-id'`: must be a resource id;
 * - `format: 'signed-uri'`: its query is a secret that the provider does not store; the same URI with any query is no change;
 * - `null`, and `''` where `emptyIsAbsent: true`, count as absent; unknown members are refused.
 */
export interface ResourceType {
  /** In the case Azure registers it. */
  readonly type: string
  /** api-versions that `providers` lists; newest first. Any dated one is accepted. */
  readonly apiVersions: readonly string[]
  /** Has a location and tags of its own. */
  readonly tracked: boolean
  /** The body's schema; without it the type can't be PUT. */
  readonly schema?: TSchema
  /** What Azure calls the body in its messages: `galleryImageVersion` gives paths like `galleryImageVersion.properties.x`. */
  readonly bodyName?: string
  /** Whether PATCH is there (default yes where PUT is); which top-level members it may carry is the schema's matter. */
  readonly patchable?: boolean
  /** Throws the type's own refusal of a bad name. */
  checkName?(name: string, id: ResourceId): void
  /** Orders siblings; default: the lower-case name. */
  sortKey?(name: string): string
  /** The rules of a PUT or PATCH: throws refusals, fills in what the provider works out, names the work. */
  plan?(change: Change, arm: Arm): Promise<Plan>
  /**
   * Throws for what a template's resource asks for in vain, before anything of the template is made. Its body is evaluated, and not
   * checked in any way.
   */
  preflight?(
    asked: { readonly id: ResourceId; readonly request: Pick<ArmRequest, 'caller'>; readonly body: JsonObject },
    arm: Arm,
  ): Promise<void>
  /**
   * The rules of a DELETE; nested resources have been looked for. Without `work` it is gone when the answer leaves, and `inCommit`
   * is what other documents no longer note of it.
   */
  planDelete?(
    call: { id: ResourceId; document: ResourceDocument; request: ArmRequest },
    arm: Arm,
  ): Promise<{ readonly work?: Work; readonly inCommit?: (transaction: Transaction) => Promise<void> }>
  /** A DELETE takes nested resources along (resource groups) instead of being refused. */
  readonly deletesNested?: boolean
  readonly actions?: Readonly<Record<string, Action>>
  /** What others ask the right to when they refer to it, and no request does: `join/action`. */
  readonly linkedActions?: readonly string[]
  /** Those of its actions that roles grant as data actions. */
  readonly dataActions?: readonly string[]
  readonly openTo?: Openness
  /** Whether a GET is answered although no role allows it: who began an operation may ask how it goes. */
  isOpenTo?(id: ResourceId, caller: Caller): Promise<boolean>
  /** No lock holds it: it is a lock itself. */
  readonly ignoresLocks?: true
  /** Actions that need no stored resource: to validate one that is to come. */
  readonly unstoredActions?: Readonly<Record<string, ComputedAction>>
  /** The body of a stored resource beyond the default: expansions, computed parts. Returns envelope and properties to show. */
  present?(document: ResourceDocument, view: View, arm: Arm): Promise<Presentation>
  /** What a write is told while an operation works on the resource; default `OperationNotAllowed`. */
  busy?(existing: ResourceDocument): ArmError
  /** A list shows what lies in the scope itself, nothing of the groups below. */
  readonly listsOwnScope?: boolean
  readonly computed?: Computed
  /** Values of `$expand` that GET takes, lower-case; others are refused. */
  readonly expands?: readonly string[]
  /** Reads the `$filter` by which a list can be narrowed; throws for one that it does not know. */
  filter?(filter: string): (document: ResourceDocument) => boolean
  /** The type under which its operations are polled: `Microsoft.Compute/locations/capsOperations`. */
  readonly operationsType?: string
  /** What a PUT with another location is told; default `InvalidResourceLocation`. */
  relocated?(existing: ResourceDocument, wanted: string): ArmError
  /** What a missing one is told; default `ResourceNotFound`. */
  missing?(id: ResourceId): ArmError
  /** What a DELETE of a missing one answers; default 204. */
  readonly deleteMissing?: 404
  /** Extension types hang on any resource (tags, locks): their parent is the scope in front of `/providers/`. */
  readonly extension?: boolean
}

/** What a resource operation hands back: merged into the document in the commit that ends the operation. */
export interface Outcome extends Conclusion {
  readonly properties?: JsonObject
  readonly hidden?: JsonObject
  /** The resource is removed; what lay in it is gone by then. */
  readonly remove?: boolean
}

/** What is kept of work that did not succeed. */
export type Kept = Pick<Outcome, 'properties' | 'hidden' | 'conclude'>

/** Work on a resource: the steps between `Creating` and `Succeeded`. */
export interface ResourceOperation {
  readonly kind: string
  run(
    work: {
      readonly document: ResourceDocument
      readonly input: JsonObject
      readonly step: Step
      readonly signal: AbortSignal
      report(percentComplete: number): void
      /** Saves progress in `hidden` at once, without a new etag. */
      note(change: (hidden: JsonObject) => JsonObject): Promise<void>
    },
    arm: Arm,
  ): Promise<Outcome>
  /** How a fact (a region that can't be reached, a corrupt chunk) is told; default: `InternalExecutionError` with its message. */
  explain?(fault: unknown, document: ResourceDocument): { code: string; message: string; target?: string }
  /** What to keep in the document when the work failed: the state of those regions that did get there. */
  failed?(fault: unknown, document: ResourceDocument, arm: Arm): Kept
  /** What to keep in the document when the work was cancelled. */
  cancelled?(document: ResourceDocument, arm: Arm): Kept
}

/** A row of Resource Graph, in the columns that all of its tables have; what is absent is null there. */
export interface GraphRow {
  readonly id: string
  readonly name: string
  /** In any case: the table shows it, and the group's name, in lower case. */
  readonly type: string
  readonly tenantId?: string
  readonly subscriptionId?: string
  readonly resourceGroup?: string
  readonly location?: string
  readonly tags?: Readonly<Record<string, string>>
  /** kind, managedBy, sku, plan, identity, zones, extendedLocation. */
  readonly envelope?: JsonObject
  readonly properties: JsonObject
}

/** A query of Resource Graph, as far as a table need know it. */
export interface GraphView {
  readonly request: ArmRequest
  /** Lower-case ids of the subscriptions it is about, all of the caller's tenant. A row that lies in none is shown whatever they are. */
  readonly subscriptionIds: readonly string[]
}

/** Rows for a table of Resource Graph, `CommunityGalleryResources`. Several providers may give rows to one table. */
export interface GraphTable {
  /** As Azure writes it; found in any case. */
  readonly name: string
  /** The rows that the caller may see, and no other: what it may not read is as if it were not there. */
  rows(view: GraphView, arm: Arm): AsyncIterable<GraphRow>
}

/** A provider: one namespace's types and the work behind them. */
export interface Provider {
  readonly namespace: string
  readonly types: readonly ResourceType[]
  readonly operations: readonly ResourceOperation[]
  readonly graphTables?: readonly GraphTable[]
  /** Actions on `/subscriptions/S/providers/NAMESPACE`: `checkNameAvailability`. */
  readonly actions?: Readonly<Record<string, ComputedAction>>
}
