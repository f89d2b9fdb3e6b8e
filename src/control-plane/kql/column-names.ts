import type { Column } from './kql-type.ts'
import type { Expression, Named } from './syntax.ts'

/** Functions whose result goes by the name of what they were given, as in Kusto. */
const transparent = new Set(
  `split tostring todynamic tolong toint toreal todouble todatetime totimespan tobool toboolean todecimal toguid parsejson parse_json
  format_datetime startofday bin floor round ceiling pow sqrt abs take_anyif`.split(/\s+/),
)

/** What aggregates put in front of the name of what they were given. */
const prefixes: Readonly<Record<string, string>> = {
  make_list: 'list',
  makelist: 'list',
  make_list_if: 'list',
  make_set: 'set',
  makeset: 'set',
  make_set_if: 'set',
  make_bag: 'bag',
}
const prefixed = new Set(
  `sum sumif count countif dcount dcountif count_distinct min minif max maxif avg avgif any anyif`.split(' '),
)

/** The name of a column that was given none; undefined when it has to be `Column1`. */
const nameOf = (expression: Expression): string | undefined => {
  if (expression.kind === 'name') return expression.name
  if (expression.kind === 'member') return joined(nameOf(expression.of), expression.name)
  if (expression.kind === 'index')
    return expression.index.kind === 'literal'
      ? joined(nameOf(expression.of), String(expression.index.value))
      : undefined
  if (expression.kind !== 'call') return undefined
  const [first] = expression.parts
  const prefix = Object.hasOwn(prefixes, expression.name)
    ? prefixes[expression.name]
    : prefixed.has(expression.name)
      ? expression.name
      : undefined
  if (prefix) return `${prefix}_${(first && nameOf(first)) ?? ''}`
  if (expression.name === 'strlen') return first && joined('strlen', nameOf(first) ?? '')
  return first && (transparent.has(expression.name) || expression.name === 'take_any') ? nameOf(first) : undefined
}

/** `properties.osDisk['a.b']` is `properties_osDisk_a.b`. */
const joined = (before: string | undefined, name: string) => (before === undefined ? undefined : `${before}_${name}`)

/** Gives names to columns as they are made, each once: what is taken becomes `name1`. */
export class ColumnNames {
  readonly #taken: Set<string>
  #unnamed = 0
  constructor(taken: readonly Column[] = []) {
    this.#taken = new Set(taken.map(column => column.name))
  }
  /** The name that the author gave, or one that is made of the expression. */
  of({ name, expression }: Named): string {
    if (name !== undefined) return this.keep(name)
    const made = nameOf(expression)
    return made === undefined ? this.free(`Column${++this.#unnamed}`) : this.free(made)
  }
  keep(name: string): string {
    this.#taken.add(name)
    return name
  }
  free(name: string): string {
    let free = name
    for (let count = 1; this.#taken.has(free); count++) free = `${name}${count}`
    return this.keep(free)
  }
}
