import type { Json, JsonObject } from '#resources/resource-document.ts'
import { evaluateTree } from './evaluate-expression.ts'
import type { Frame } from './frame.ts'
import { fault } from './template-fault.ts'
import { asText, isJsonObject } from './values.ts'

/** Gives the value of a variable: evaluated when it is first asked for, as variables may name each other. */
export const variablesOf = (
  declared: JsonObject,
  frameOf: (variable: (name: string) => Json) => Frame,
): ((name: string) => Json) => {
  const inputs = new Map(withLoops(declared))
  const done = new Map<string, Json>()
  const under = new Set<string>()
  const value = (name: string): Json => {
    const key = name.toLowerCase()
    const known = done.get(key)
    if (known !== undefined) return known
    const input = inputs.get(key)
    if (input === undefined) throw fault.unknownVariable(name)
    if (under.has(key)) throw fault.circular('variable', name)
    under.add(key)
    try {
      const made = input(frame)
      done.set(key, made)
      return made
    } finally {
      under.delete(key)
    }
  }
  const frame = frameOf(value)
  return value
}

type Input = (frame: Frame) => Json

/** `copy: [{ name, count, input }]` among the variables makes a variable of each name. */
const withLoops = (declared: JsonObject): [string, Input][] =>
  Object.entries(declared).flatMap(([name, value]): [string, Input][] => {
    if (name.toLowerCase() !== 'copy' || !Array.isArray(value))
      return [[name.toLowerCase(), frame => evaluateTree(value as Json, frame)]]
    return (value as readonly Json[]).filter(isJsonObject).map(loop => {
      const loopName = asText(loop.name)
      // An object of one loop comes to an object of one member.
      return [loopName.toLowerCase(), frame => (evaluateTree({ copy: [loop] }, frame) as JsonObject)[loopName] as Json]
    })
  })
