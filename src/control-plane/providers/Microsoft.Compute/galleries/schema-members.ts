import { type TSchemaOptions, Type } from 'typebox'

// The building blocks of the gallery types' schemas; what the marks mean stands at `ResourceType`.

/** Worked out by the provider; ignored in a body, so that clients may send back what they got. */
export const shown = () => Type.Optional(Type.Unknown({ readOnly: true }))
/** Text whose empty form means «absent»: Terraform and Packer send `""` for what the user left out. */
export const text = (marks: TSchemaOptions = {}) => Type.Optional(Type.String({ emptyIsAbsent: true, ...marks }))
export const date = (marks: TSchemaOptions = {}) => Type.Optional(Type.String({ format: 'date-time', ...marks }))
export const armId = (marks: TSchemaOptions = {}) => text({ format: 'arm-id', ...marks })
export const flag = (marks: TSchemaOptions = {}) => Type.Optional(Type.Boolean(marks))
export const count = (marks: TSchemaOptions = {}) => Type.Optional(Type.Integer({ ...int32, ...marks }))
export const oneOf = <Values extends string[]>(values: readonly [...Values], marks: TSchemaOptions = {}) =>
  Type.Optional(Type.Enum<Values>(values, { emptyIsAbsent: true, ...marks }))

const int32 = { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }
