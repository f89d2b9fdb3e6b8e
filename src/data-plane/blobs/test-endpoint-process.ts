import { accountName, startTestEndpoint } from './test-endpoint.ts'

// A blob endpoint in a process of its own, to be killed by a test.
const endpoint = await startTestEndpoint(process.argv[2])
process.stdout.write(`${endpoint.blobs.endpoint(accountName)}\n`)
