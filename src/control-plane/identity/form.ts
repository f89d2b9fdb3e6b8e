import { oauthRefused } from './oauth-refused.ts'

/** The fields of an `application/x-www-form-urlencoded` body, each at most once. */
export type Form = ReadonlyMap<string, string>

const maxFields = 64

/** Reads a form; a parameter that is there twice is refused, as RFC 6749 demands. */
export const parseForm = (body: string): Form => {
  const form = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(body)) {
    if (form.has(name)) throw oauthRefused.duplicateParameter(name)
    if (form.size >= maxFields) throw oauthRefused.malformed()
    form.set(name, value)
  }
  return form
}

/** The value of a field that must be there. */
export const field = (form: Form, name: string): string => {
  const value = form.get(name)
  if (!value) throw oauthRefused.missingParameter(name)
  return value
}
