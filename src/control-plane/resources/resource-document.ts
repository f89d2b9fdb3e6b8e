/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json | undefined }

export type ProvisioningState = 'Creating' | 'Updating' | 'Succeeded' | 'Failed' | 'Deleting' | 'Canceled'

export interface SystemData {
  readonly createdBy: string
  readonly createdByType: 'User' | 'Application'
  readonly createdAt: string
  readonly lastModifiedBy: string
  readonly lastModifiedByType: 'User' | 'Application'
  readonly lastModifiedAt: string
}

/** A stored resource: what its owner wrote, what the provider worked out, and what only the provider may see. */
export interface ResourceDocument {
  /** In the case of its creation, types in the case of their registration. */
  readonly id: string
  /** The id in lower case: how everything is looked up. */
  readonly key: string
  /** As registered: `Microsoft.Compute/galleries/images`. */
  readonly type: string
  readonly name: string
  /** Key of the resource, group or subscription it lies in; `''` for the tenant. */
  readonly parentKey: string
  readonly subscriptionId?: string
  /** Key of the resource group, for what lies in one. */
  readonly groupKey?: string
  /** Azure's short name: `eastus`. */
  readonly location?: string
  readonly tags?: Readonly<Record<string, string>>
  /** Top-level members of the body beside `properties`: sku, identity, zones, kind, plan, extendedLocation, managedBy. */
  readonly envelope: JsonObject
  readonly properties: JsonObject
  readonly provisioningState: ProvisioningState
  /** Never shown as it is: manifests, per-region progress, secrets. */
  readonly hidden: JsonObject
  readonly systemData: SystemData
  /** Made with the resource and kept until it is deleted: a later one of the same name has another. Names its holds on bytes. */
  readonly uid: string
  /** Changes with everything a client can see change because of a write; not with progress. */
  readonly etag: string
  /** Counts every save; the compare-and-set column. */
  readonly version: number
}
