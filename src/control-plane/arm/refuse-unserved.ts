import type { Json, JsonObject } from '#resources/resource-document.ts'
import { armError } from './arm-error.ts'

/** A setting that would be a broken promise here: where it stands, what it is called, and whether a value asks for it. */
export type Unserved = readonly [path: string, what: string, asked?: (value: Json) => boolean]

/** Throws for a setting that can not be honoured: refused clearly, never accepted and dropped. By default every value asks for it. */
export const refuseUnserved = (body: JsonObject, unserved: readonly Unserved[]): void => {
  for (const [path, what, asked = () => true] of unserved) {
    const value = valueAt(body, path)
    if (value !== undefined && asked(value)) throw armError.notServed(what)
  }
}

const valueAt = (body: JsonObject, path: string): Json | undefined =>
  path.split('.').reduce<Json | undefined>((value, name) => (value as JsonObject | undefined)?.[name], body)
