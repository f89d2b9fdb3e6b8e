// autocannon brings no types; these are the parts that the benchmarks use.
declare module 'autocannon' {
  interface Request {
    readonly path?: string
    readonly body?: string
  }
  interface Options {
    readonly url: string
    readonly connections: number
    readonly duration: number
    readonly method: string
    readonly headers: Record<string, string>
    readonly requests?: readonly { setupRequest(request: Request): Request }[]
  }
  interface Result {
    readonly requests: { readonly average: number }
    readonly non2xx: number
    readonly errors: number
  }
  const autocannon: (options: Options) => Promise<Result>
  export = autocannon
}
