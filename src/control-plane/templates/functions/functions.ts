import { cidrFunctions } from './cidr.ts'
import { collections } from './collections.ts'
import { dates } from './dates.ts'
import { absentFunctions, deploymentFunctions } from './deployment-functions.ts'
import type { FunctionTable, TemplateFunction } from './function.ts'
import { ids } from './ids.ts'
import { lambdaFunctions } from './lambda-functions.ts'
import { logic, numbers } from './numbers-and-logic.ts'
import { strings } from './strings.ts'

const tables: readonly FunctionTable[] = [
  strings,
  collections,
  numbers,
  logic,
  dates,
  lambdaFunctions,
  cidrFunctions,
  ids,
  deploymentFunctions,
  absentFunctions,
]

/** Every function of the language by its name in lower case. */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map(
  tables.flatMap(table => Object.entries(table).map(([name, found]) => [name.toLowerCase(), found] as const)),
)
