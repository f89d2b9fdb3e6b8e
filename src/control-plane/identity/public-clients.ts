/**
 * Microsoft's own developer tools, which every directory knows without a registration: programs that hold no secret and sign a person
 * in. The ids are written into the tools.
 */
export const publicClients: ReadonlyMap<string, string> = new Map([
  ['04b07795-8ddb-461a-bbee-02f9e1bf7b46', 'Microsoft Azure CLI'],
  ['1950a258-227b-4e31-a9cf-717495945fc2', 'Microsoft Azure PowerShell'],
  ['872cd9fa-d31f-45e0-9eab-6e460a02d1f1', 'Visual Studio'],
  ['aebc6443-996d-45c2-90f0-388ff96faa56', 'Visual Studio Code'],
])
