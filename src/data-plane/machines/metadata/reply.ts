/** What a guest's request is answered with. */
export interface Reply {
  readonly status: number
  readonly contentType: string
  readonly body: string | Uint8Array
}

export const jsonReply = (status: number, value: unknown): Reply => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: JSON.stringify(value),
})
export const textReply = (status: number, body: string): Reply => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body,
})
export const xmlReply = (body: string): Reply => ({
  status: 200,
  contentType: 'text/xml; charset=utf-8',
  body: `<?xml version="1.0" encoding="utf-8"?>${body}`,
})
export const notFound = jsonReply(404, { error: 'Not found' })

/** A request of a guest, taken apart. Header names are in small letters. */
export interface GuestRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Empty for all but a POST. */
  readonly body: string
}
