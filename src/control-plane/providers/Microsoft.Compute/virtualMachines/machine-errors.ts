import { row } from '#arm/arm-error.ts'

/** Refusals of virtual machines. Sentences are Azure's where they are known from its users' reports. */
export const machineError = {
  nameInvalid: row(
    400,
    'InvalidParameter',
    'a name of a virtual machine that breaks the rule',
    (name: string) =>
      `The entity name '${name}' is invalid according to its validation rule: ^[^_\\W][\\w-._]{0,79}(?<![-.])$. A virtual machine name has up to 64 characters.`,
    () => 'name',
  ),
  noHost: row(
    409,
    'AllocationFailed',
    'a virtual machine where none can run',
    (problem: string) => `Allocation failed. This host can't run virtual machines: ${problem}`,
  ),
  hostFull: row(
    409,
    'AllocationFailed',
    'a virtual machine for which the host has no room',
    (reason: string) =>
      `Allocation failed. We do not have sufficient capacity on this host: ${reason} Deallocate machines, or start the server with more --vm-cores and --vm-memory.`,
  ),
  quotaExceeded: row(
    409,
    'OperationNotAllowed',
    'more cores in a region than the quota allows',
    (quota: string, location: string, limit: number, usage: number, required: number) =>
      `Operation could not be completed as it results in exceeding approved ${quota} Cores quota. Additional details - Deployment Model: Resource Manager, Location: ${location}, Current Limit: ${limit}, Current Usage: ${usage}, Additional Required: ${required}, (Minimum) New Limit Required: ${usage + required}. The limit is set with 'opengallery start --vm-quota'.`,
  ),
  sizeInvalid: row(
    400,
    'InvalidParameter',
    'a size that there is not',
    (size: string, valid: readonly string[]) =>
      `The value ${size} provided for the VM size is not valid. The valid sizes in the current region are: ${valid.join(',')}.`,
    () => 'vmSize',
  ),
  generationUnbootable: row(
    400,
    'BadRequest',
    'an image of a generation that the size does not boot',
    (size: string, generation: string) =>
      `The selected VM size '${size}' cannot boot Hypervisor Generation '${generation}'. If this was a Create operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected VM Size. If this was an Update operation please select a Hypervisor Generation '${generation}' VM Size. For more information, see https://aka.ms/azuregen2vm`,
  ),
  architectureUnbootable: row(
    400,
    'BadRequest',
    'an image for another kind of processor',
    (size: string, architecture: string) =>
      `Cannot create a VM of size '${size}' because this VM size only supports a CPU Architecture of 'x64', but an image or disk with CPU Architecture '${architecture}' was given. Please check that the CPU Architecture of the image or disk is compatible with that of the VM size.`,
  ),
  notAllowed: row(
    400,
    'InvalidParameter',
    'a property that does not go with the others',
    (path: string) => `Parameter '${path}' is not allowed.`,
    path => path,
  ),
  valueInvalid: row(
    400,
    'InvalidParameter',
    'a value that does not go with the others',
    (path: string) => `The value of parameter ${path} is invalid.`,
    path => path,
  ),
  resourceMissing: row(
    404,
    'NotFound',
    'a disk or image that is not there',
    (id: string, path: string) => `Resource ${id} is not found. Parameter '${path}' refers to it.`,
    (_id, path) => path,
  ),
  elsewhere: row(
    400,
    'InvalidParameter',
    'a disk or image of another region',
    (id: string, its: string, wanted: string) =>
      `The resource ${id} is in location '${its}', the virtual machine is to be in '${wanted}'. Both must be in the same location.`,
  ),
  diskNotReady: row(
    409,
    'OperationNotAllowed',
    'a disk that is being made, uploaded or read by a signed URL',
    (id: string, state: string) => `The disk '${id}' can't be attached in its state '${state}'.`,
  ),
  diskNameTaken: row(
    409,
    'Conflict',
    'a new disk with the name of another one',
    (name: string, group: string) =>
      `Disk ${name} already exists in resource group ${group.toUpperCase()}. Only CreateOption.Attach is supported.`,
    () => 'dataDisk.name',
  ),
  lunTwice: row(
    400,
    'InvalidParameter',
    'two data disks at one lun',
    (lun: number) =>
      `Cannot attach data disk at LUN ${lun} because another data disk is at it. Each data disk of a virtual machine must have a LUN of its own.`,
    () => 'dataDisk.lun',
  ),
  diskHasLun: row(
    409,
    'ConflictingUserInput',
    'a disk for another lun of the machine that has it, or for two',
    (id: string, machine: string) =>
      `Disk '${id}' cannot be attached as the disk is already owned by VM '${machine}'. Detach it before it gets another LUN.`,
    id => id,
  ),
  tooManyDisks: row(
    409,
    'OperationNotAllowed',
    'more data disks than the size takes',
    (limit: number, size: string) =>
      `The maximum number of data disks allowed to be attached to a VM of this size is ${limit}. The VM size is '${size}'.`,
    () => 'dataDisks',
  ),
  unknownLun: row(
    400,
    'InvalidParameter',
    'a data disk of the image that the image lacks',
    (lun: number) =>
      `StorageProfile.dataDisks.lun does not have required value(s) for image specified in storage profile: the image has no data disk at LUN ${lun}.`,
    () => 'dataDisks.lun',
  ),
  usernameForbidden: row(
    400,
    'InvalidParameter',
    'the name of an administrator that Azure does not take',
    () => 'The Admin Username specified is not allowed.',
    () => 'adminUsername',
  ),
  passwordWeak: row(
    400,
    'InvalidParameter',
    'a password that is too short, too long or too simple',
    () =>
      'The supplied password must be between 6-72 characters long and must satisfy at least 3 of password complexity requirements from the following:\n1) Contains an uppercase character\n2) Contains a lowercase character\n3) Contains a numeric digit\n4) Contains a special character\n5) Control characters are not allowed',
    () => 'adminPassword',
  ),
  passwordForbidden: row(
    400,
    'InvalidParameter',
    'a password that everybody tries first',
    () => 'The supplied password is not allowed: it is on the list of well-known passwords.',
    () => 'adminPassword',
  ),
  authenticationMissing: row(
    400,
    'InvalidParameter',
    'no password, and none is needed, and no key either',
    () => 'Authentication using either SSH or by user name and password must be enabled in Linux profile.',
    () => 'linuxConfiguration',
  ),
  keyInvalid: row(
    400,
    'InvalidParameter',
    'a public key that is none',
    () =>
      'The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid. It must be a line of OpenSSH: ssh-rsa of 2048 bits or more, or ssh-ed25519.',
    () => 'linuxConfiguration.ssh.publicKeys.keyData',
  ),
  keyPathInvalid: row(
    400,
    'InvalidParameter',
    "a public key for another file than the administrator's",
    (user: string) =>
      `Destination path for SSH public keys is currently limited to its default value /home/${user}/.ssh/authorized_keys due to a known issue in Linux provisioning agent.`,
    () => 'linuxConfiguration.ssh.publicKeys.path',
  ),
  hostNameInvalid: row(
    400,
    'InvalidParameter',
    'a computer name that Linux does not take',
    () =>
      'Linux host name cannot exceed 64 characters in length or contain the following characters: ` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\ | ; : \' " , < > / ?.',
    () => 'computerName',
  ),
  customDataInvalid: row(
    400,
    'InvalidParameter',
    'custom or user data that is not base64, or too much',
    (name: string) => `${name} must be in Base64 format, and 65535 bytes at most when it is decoded.`,
    name => name,
  ),
  nicMissing: row(
    400,
    'InvalidResourceReference',
    'a network interface that is not there, or in another region',
    (id: string, machine: string) =>
      `Resource ${id} referenced by resource ${machine} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
  ),
  nicInUse: row(
    400,
    'NicInUse',
    'a network interface that another machine has',
    (id: string, owner: string) =>
      `Network Interface ${id} is used by existing resource ${owner}. In order to use it here, it must be dissociated from that resource first.`,
  ),
  nicsRequired: row(
    400,
    'InvalidParameter',
    'a machine without network interface',
    () => 'Virtual machine must have at least one network interface.',
    () => 'networkProfile',
  ),
  onePrimaryNic: row(
    400,
    'VirtualMachineMustHaveOneNetworkInterfaceAsPrimary',
    'several network interfaces, of which none or more than one is the primary',
    (machine: string) => `Virtual machine ${machine} must have one network interface set as the primary.`,
    () => 'networkInterfaces',
  ),
  tooManyNics: row(
    400,
    'NetworkInterfaceCountExceeded',
    'more network interfaces than the size takes',
    (count: number, limit: number, size: string) =>
      `The number of network interfaces ${count} exceeds the maximum of ${limit} for the VM size '${size}'.`,
  ),
  generalized: row(
    409,
    'OperationNotAllowed',
    'a start of a generalized machine',
    (operation: string, name: string) =>
      `Operation '${operation}' is not allowed on VM '${name}' since the VM is generalized.`,
  ),
  running: row(
    409,
    'OperationNotAllowed',
    'an operation for which a machine must be stopped',
    (operation: string, name: string) =>
      `Operation '${operation}' is not allowed on VM '${name}' since the VM is running. Stop or deallocate it first.`,
  ),
  notRunning: row(
    409,
    'OperationNotAllowed',
    'an operation for which a machine must run',
    (operation: string, name: string) => `Cannot ${operation} since the VM '${name}' is not running. Start it first.`,
  ),
  notMade: row(
    409,
    'OperationNotAllowed',
    'an operation on a machine whose creation failed early',
    (operation: string, name: string) =>
      `Operation '${operation}' is not allowed on VM '${name}' since its creation did not succeed. Create it again, or delete it.`,
  ),
  notOfImage: row(
    409,
    'OperationNotAllowed',
    'a reimage of a machine whose OS disk was attached',
    (name: string) =>
      `Operation 'reimage' is not allowed on VM '${name}' since its OS disk was attached, not made of an image: there is nothing to go back to.`,
  ),
  imageChanged: row(
    409,
    'OperationNotAllowed',
    'a reimage of a machine whose image is another kind of image by now',
    (name: string, id: string) =>
      `Operation 'reimage' is not allowed on VM '${name}' since the image '${id}' has another hypervisor generation, operating system or state than the one that the VM was made of.`,
  ),
  customDataDiffers: row(
    400,
    'BadRequest',
    'a reimage with other custom data',
    () =>
      'Reimage requires the custom data provided should be same as the custom data provided while creating the Virtual Machine.',
  ),
  captureUnmanaged: row(
    409,
    'OperationNotAllowed',
    'a capture of a machine to a VHD, as it was before managed disks',
    () =>
      "The Capture action is only supported on a Virtual Machine with blob based disks. Please use the 'Image' resource APIs to create an Image from a managed Virtual Machine.",
  ),
  mustBeDeallocated: row(
    409,
    'OperationNotAllowed',
    'a change that needs a deallocated machine',
    (what: string, name: string) =>
      `Changing ${what} is not allowed while VM '${name}' is allocated. Deallocate it first.`,
  ),
  agentSilent: row(
    409,
    'VMAgentStatusCommunicationError',
    'a command for a guest whose agent does not answer',
    (name: string) =>
      `VM '${name}' has not reported status for VM agent or extensions. Verify that the OS is up and healthy, the VM has a running QEMU guest agent, and it can run commands.`,
  ),
  scriptLost: row(
    409,
    'VMExtensionProvisioningError',
    'a command during which the server ended',
    (name: string) =>
      `The server ended while the script ran in VM '${name}', so that nobody knows how it went. It is not run again by itself: look into the guest, and send the command again if it should.`,
  ),
  provisioningTimedOut: row(
    409,
    'OSProvisioningTimedOut',
    'a guest that did not report that it is provisioned',
    (name: string) =>
      `OS Provisioning for VM '${name}' did not finish in the allotted time. The VM may still finish provisioning successfully. Please check provisioning state later. Also, make sure the image has been properly prepared (generalized).`,
  ),
  startFailed: row(
    409,
    'VMStartFailed',
    'a machine whose process ended at once',
    (name: string, reason: string) => `The VM '${name}' did not start: ${reason}`,
  ),
} as const
