import { armError } from '#arm/arm-error.ts'
import { machineError } from './machine-errors.ts'

export interface RunCommandParameter {
  readonly name: string
  readonly value: string
}

/** A command that can be named instead of a script of one's own. */
export interface RunCommandDocument {
  readonly id: string
  readonly label: string
  readonly description: string
  /** What it runs when the caller sends no script. */
  readonly script: readonly string[]
  /** With defaults for that script. */
  readonly parameters: readonly { readonly name: string; readonly type: 'string'; readonly defaultValue: string }[]
}

/** Azure's for Linux. Those for Windows need an agent that no guest here has. */
export const runCommands: readonly RunCommandDocument[] = [
  {
    id: 'RunShellScript',
    label: 'Executes a Linux shell script',
    description:
      'Runs the shell script of the request as root. Its parameters are variables and arguments of the script.',
    script: ['echo "A sample script with the parameters $arg1 and $arg2"'],
    parameters: [
      { name: 'arg1', type: 'string', defaultValue: 'value1' },
      { name: 'arg2', type: 'string', defaultValue: 'value2' },
    ],
  },
  {
    id: 'ifconfig',
    label: 'List network configuration',
    description: 'Shows the configuration of all network interfaces.',
    script: ['if command -v ifconfig >/dev/null; then ifconfig -a; else ip address; fi'],
    parameters: [],
  },
]

/** By its id in any case; throws for one that is not there. */
export const requireRunCommand = (id: string): RunCommandDocument => {
  const found = runCommands.find(command => command.id.toLowerCase() === id.toLowerCase())
  if (!found) throw armError.notServed(`The command '${id.slice(0, 100)}'`)
  return found
}

/**
 * A script with its parameters in front, both as Azure's agent passes them: variables of their names, and arguments in their order
 * (az names those that have no name arg1, arg2 and so on). Throws for a name that no shell variable can have.
 */
export const scriptWith = (lines: readonly string[], parameters: readonly RunCommandParameter[]): string => {
  for (const { name, value } of parameters)
    if (!/^[a-z_]\w*$/i.test(name) || value.includes('\0')) throw machineError.valueInvalid('parameters.name')
  if (parameters.length === 0) return lines.join('\n')
  const variables = parameters.map(({ name, value }) => `export ${name}=${quoted(value)}`)
  const values = parameters.map(({ value }) => quoted(value)).join(' ')
  return [[...variables, `set -- ${values}`].join('; '), ...lines].join('\n')
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
