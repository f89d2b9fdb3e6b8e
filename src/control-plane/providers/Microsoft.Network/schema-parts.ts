import { Type } from 'typebox'

/** A member that clients send back as they got it. */
export const shown = () => Type.Optional(Type.Unknown({ readOnly: true }))

/** A member of any form whose only use is to be refused with a clear word when it asks for something. */
export const unserved = () => Type.Optional(Type.Unknown())

/** `{"id": ...}` of another resource. */
export const reference = () => Type.Optional(Type.Object({ id: Type.Optional(Type.String({ format: 'arm-id' })) }))

/** What surrounds the properties of every network resource. */
export const envelope = { etag: shown(), extendedLocation: unserved() }

/** What a nested resource shows beside its properties when it stands in its parent's body. */
export const nested = { id: shown(), etag: shown(), type: shown(), name: Type.String({ maxLength: 80 }) }
