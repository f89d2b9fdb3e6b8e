/** Where in the text of a query something is wrong; lines and characters as Azure counts them: from 1, and from 0. */
export interface TextPosition {
  readonly line: number
  readonly characterInLine: number
}

/** The query is wrong, or costs too much: told to its author with Azure's codes. */
export class KqlFault extends Error {
  override readonly name = 'KqlFault'
  readonly code: string
  /** Only for what can't be parsed: where, what stands there, and what could stand there instead. */
  readonly syntax: (TextPosition & { readonly token: string; readonly expected: string }) | undefined
  constructor(code: string, message: string, syntax?: KqlFault['syntax']) {
    super(message)
    this.code = code
    this.syntax = syntax
  }
}

const cut = (text: string) => (text.length > 100 ? `${text.slice(0, 100)}...` : text)

/** What can be wrong with a query, in one place. */
export const fault = {
  syntax: (text: string, at: number, token: string, expected: string) => {
    const position = positionOf(text, at)
    const found = token === '' ? 'the end of the query' : `'${cut(token)}'`
    return new KqlFault(
      'ParserFailure',
      `Expected ${expected} at line ${position.line}, character ${position.characterInLine}, found ${found}.`,
      { ...position, token: token === '' ? '<EOF>' : cut(token), expected },
    )
  },
  unknownColumn: (name: string, similar: string | undefined) =>
    new KqlFault(
      'InvalidColumnNames',
      `Invalid column names: [${cut(name)}].${similar === undefined ? '' : ` Did you mean '${similar}'? Names are case-sensitive.`}`,
    ),
  unknownTable: (name: string) =>
    new KqlFault('DisallowedLogicalTableName', `Table ${cut(name)} is invalid, unsupported or disallowed.`),
  unknownFunction: (name: string) =>
    new KqlFault('DisallowedFunction', `Function '${cut(name)}' is unknown or not supported.`),
  notServed: (what: string) =>
    new KqlFault('OperatorNotSupported', `${what} is not available in OpenGallery. See docs/fidelity.md.`),
  count: (name: string, least: number, most: number, given: number) =>
    new KqlFault(
      'InvalidFunctionArguments',
      `Function '${name}' takes ${least === most ? least : `${least} to ${most === Number.POSITIVE_INFINITY ? 'any number of' : most}`} arguments, ${given} are given.`,
    ),
  argument: (name: string, position: number, wanted: string, given: string) =>
    new KqlFault(
      'InvalidFunctionArguments',
      `Argument ${position} of function '${name}' must be of type ${wanted}, it is of type ${given}.`,
    ),
  compare: (left: string, right: string) =>
    new KqlFault('SemanticError', `Cannot compare values of types ${left} and ${right}. Try adding explicit casts.`),
  arithmetic: (operator: string, left: string, right: string) =>
    new KqlFault(
      'SemanticError',
      `Arithmetic expression '${operator}' cannot be carried out between values of types ${left} and ${right}. Try adding explicit casts.`,
    ),
  dynamicKey: (what: string, name: string) =>
    new KqlFault(
      'SemanticError',
      `${what} '${cut(name)}' is of a 'dynamic' type. Please use an explicit cast (for example, tostring(${cut(name)})), as grouping, joining and ordering by a 'dynamic' type is not supported.`,
    ),
  invalid: (message: string) => new KqlFault('SemanticError', message),
  tooMany: (what: string, most: number) =>
    new KqlFault('QueryTooComplex', `The query exceeds the limit of ${most} ${what}. Make it smaller or split it.`),
  tooCostly: (limit: string) =>
    new KqlFault(
      'QueryTooCostly',
      `The query exceeds the limit of ${limit}. Narrow it with 'where' or 'project' first.`,
    ),
  timeout: () => new KqlFault('QueryTimeout', 'The query took too long. Narrow it with `where` or `project` first.'),
}

const positionOf = (text: string, at: number): TextPosition => {
  const before = text.slice(0, at)
  const line = before.split('\n').length
  return { line, characterInLine: at - (before.lastIndexOf('\n') + 1) }
}
