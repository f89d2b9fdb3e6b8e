import type { Json, JsonObject } from '#resources/resource-document.ts'
import type { Frame, UserFunction } from './frame.ts'
import { functions } from './functions/functions.ts'
import { type Expression, isExpression, parseExpression, plainText } from './parse-expression.ts'
import { fault } from './template-fault.ts'
import { asText, isJsonObject, isLambda, lambdas, memberOf, objectOf, typeName, type Value } from './values.ts'

/** The value of a string of a template: of an expression what it comes to, of anything else its text. */
export const evaluateText = (text: string, frame: Frame): Json => {
  if (!isExpression(text)) return plainText(text)
  const value = evaluate(parsed(text, frame), frame)
  if (isLambda(value)) throw fault.notHere('lambda')
  return value
}

/** An expression's tree; each text is parsed once. */
export const parsed = (text: string, frame: Frame): Expression => {
  const known = frame.parsed.get(text)
  if (known) return known
  frame.budget.spend(text.length)
  const made = parseExpression(text)
  frame.parsed.set(text, made)
  return made
}

/** What an expression comes to. Throws `TemplateFault`, or `NotLookedUp`. */
export const evaluate = (expression: Expression, frame: Frame): Value => {
  frame.budget.step()
  if (expression.kind === 'literal') return expression.value
  return frame.budget.deeper(() =>
    expression.kind === 'member' ? evaluateMember(expression, frame) : evaluateCall(expression, frame),
  )
}

const evaluateJson = (expression: Expression, frame: Frame): Json => {
  const value = evaluate(expression, frame)
  if (isLambda(value)) throw fault.notHere('lambda')
  return value
}

const evaluateMember = (expression: Extract<Expression, { kind: 'member' }>, frame: Frame): Json => {
  const of = evaluateJson(expression.of, frame)
  if (of === null && (expression.safe || isSafe(expression.of))) return null
  return select(of, evaluateJson(expression.property, frame), expression.safe)
}

/** In `a.?b.c` all behind the mark is left out when nothing is there. */
const isSafe = (expression: Expression): boolean =>
  expression.kind === 'member' && (expression.safe || isSafe(expression.of))

/** A property of an object or an item of an array. */
export const select = (of: Json, property: Json, safe: boolean): Json => {
  if (isJsonObject(of) && typeof property === 'string') {
    const found = memberOf(of, property)
    if (found !== undefined) return found
    if (safe) return null
    throw fault.noProperty(property, Object.keys(of))
  }
  if (Array.isArray(of) && typeof property === 'number') {
    const found = of[property] as Json | undefined
    if (found !== undefined) return found
    if (safe) return null
    throw fault.noIndex(asText(property))
  }
  throw fault.notSelectable(asText(property), typeName(of))
}

const evaluateCall = (call: Extract<Expression, { kind: 'call' }>, frame: Frame): Value => {
  if (call.namespace !== undefined) return callUserFunction(`${call.namespace}.${call.name}`, call.parts, frame)
  const lower = call.name.toLowerCase()
  if (lower === 'lambda') return makeLambda(call.parts, frame)
  const known = functions.get(lower) ?? functions.get(/^list\w*$/.test(lower) ? 'list*' : '')
  if (!known) throw fault.unknownFunction(call.name)
  const { least, most } = known
  if (call.parts.length < least || call.parts.length > most) throw fault.count(call.name, call.parts.length)
  if ('lazy' in known)
    return counted(
      known.lazy(call.parts, part => evaluateJson(part, frame)),
      frame,
    )
  const given = call.parts.map(part => evaluate(part, frame))
  return counted(
    known.run(given, { name: call.name, frame, apply: (lambda, values) => apply(lambda, values, frame) }),
    frame,
  )
}

const counted = (value: Json, frame: Frame): Json => frame.budget.made(value)

const makeLambda = (parts: readonly Expression[], frame: Frame): Value => {
  const body = parts.at(-1)
  if (!body) throw fault.count('lambda', 0)
  const names = parts.slice(0, -1).map(part => {
    if (part.kind !== 'literal' || typeof part.value !== 'string') throw fault.type('lambda', 1, 'String', 'Expression')
    return part.value.toLowerCase()
  })
  const lambda = { lambda: names, body, frame }
  lambdas.add(lambda)
  return lambda
}

const apply = (lambda: Value | undefined, values: readonly Json[], frame: Frame): Json => {
  if (lambda === undefined || !isLambda(lambda)) throw fault.value('lambda', 'a lambda expression is expected.')
  if (lambda.lambda.length > values.length || lambda.lambda.length === 0)
    throw fault.value('lambda', `a lambda with 1 to ${values.length} variables is expected.`)
  const lambdaVariables = new Map(lambda.frame.lambdaVariables)
  for (const [index, name] of lambda.lambda.entries()) lambdaVariables.set(name, values[index] ?? null)
  return frame.budget.deeper(() => evaluateJson(lambda.body, { ...lambda.frame, lambdaVariables }))
}

/** A function of the template's own: it sees its parameters and nothing else. */
const callUserFunction = (name: string, parts: readonly Expression[], frame: Frame): Json => {
  const known = frame.functions.get(name.toLowerCase())
  if (!known) throw fault.unknownFunction(name)
  if (parts.length !== known.parameters.length) throw fault.count(name, parts.length)
  const given = new Map(
    parts.map((part, index) => [known.parameters[index]?.name.toLowerCase() ?? '', evaluateJson(part, frame)] as const),
  )
  return counted(evaluateOutput(known, given, frame), frame)
}

const evaluateOutput = (known: UserFunction, given: ReadonlyMap<string, Json>, frame: Frame): Json =>
  evaluateTree(known.output, {
    ...frame,
    looksUp: false,
    isDefault: false,
    loops: new Map(),
    lambdaVariables: new Map(),
    parameter(name) {
      const value = given.get(name.toLowerCase())
      if (value === undefined) throw fault.unknownParameter(name)
      return value
    },
    variable() {
      throw fault.notHere('variables')
    },
  })

/** A JSON value with every expression in it evaluated, names of members and `copy` loops of properties included. */
export const evaluateTree = (value: Json, frame: Frame): Json => {
  if (typeof value === 'string') return evaluateText(value, frame)
  if (typeof value !== 'object' || value === null) return value
  frame.budget.step()
  return frame.budget.deeper(() => {
    if (Array.isArray(value)) return frame.budget.made(value.map(item => evaluateTree(item, frame)))
    const loops = propertyLoops(value as JsonObject)
    const members = Object.entries(value).flatMap(([name, member]): [string, Json][] =>
      loops && name === 'copy' ? [] : [[evaluateName(name, frame), evaluateTree(member as Json, frame)]],
    )
    for (const loop of loops ?? []) members.push([evaluateName(loop.name, frame), repeat(loop, frame)])
    return frame.budget.made(objectOf(members))
  })
}

interface PropertyLoop {
  readonly name: string
  readonly count: Json
  readonly input: Json
}

/** `copy: [{ name, count, input }]` within an object makes each name an array. */
const propertyLoops = (value: JsonObject): readonly PropertyLoop[] | undefined => {
  const { copy } = value
  const isLoop = (item: Json) =>
    isJsonObject(item) && typeof item.name === 'string' && item.count !== undefined && item.input !== undefined
  return Array.isArray(copy) && copy.length > 0 && copy.every(isLoop) ? (copy as readonly PropertyLoop[]) : undefined
}

const repeat = (loop: PropertyLoop, frame: Frame): Json =>
  frame.budget.made(
    Array.from({ length: loopCount(loop.name, loop.count, frame) }, (_, index) =>
      evaluateTree(loop.input, withLoop(frame, loop.name, index, !frame.loops.has(''))),
    ),
  )

/** Azure's limit on the rounds of a loop. */
const MAX_ROUNDS = 800

/** How often a loop goes round. */
export const loopCount = (name: string, count: Json, frame: Frame): number => {
  const value = evaluateTree(count, frame)
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_ROUNDS)
    throw fault.value(
      'copy',
      `the count of the loop '${name.slice(0, 100)}' must be an integer from 0 to ${MAX_ROUNDS}.`,
    )
  return value
}

/** The frame within a round of a loop; `isNearest` makes copyIndex() without a name mean it. */
export const withLoop = (frame: Frame, name: string, index: number, isNearest: boolean): Frame => ({
  ...frame,
  loops: new Map([...frame.loops, [name.toLowerCase(), index] as const, ...(isNearest ? [['', index] as const] : [])]),
})

/** The name of a member may be an expression too: `"[variables('name')]": {...}`. */
export const evaluateName = (name: string, frame: Frame): string => {
  const value = evaluateText(name, frame)
  if (typeof value !== 'string') throw fault.value('name', `'${name.slice(0, 100)}' is no text.`)
  return value
}
