#!/usr/bin/env bash
# Azure's how-to guide for Azure Compute Gallery, start to end, by the unmodified az: a machine is made, something is installed on it,
# an image version is made of it and replicated, and new machines are made of that.
#
#   npm start                               in one terminal
#   npx opengallery catalog build tiny      or: catalog fetch Ubuntu2204
#   eval "$(npx opengallery env --login)"   az means your gallery, in this terminal only
#   IMAGE=Tiny examples/guide.sh            without IMAGE: of Ubuntu2204
#
# Everything it makes lies in two resource groups, and stays until you delete them:
#   az group delete --yes --name myGalleryRG; az group delete --yes --name mySourceRG
set -euo pipefail

GALLERY_RG=${GALLERY_RG:-myGalleryRG}
SOURCE_RG=${SOURCE_RG:-mySourceRG}
GALLERY=${GALLERY:-myGallery}
DEFINITION=${DEFINITION:-myImageDefinition}
IMAGE=${IMAGE:-Ubuntu2204}
KNOWN_HOSTS=$(mktemp)
trap 'rm -f "$KNOWN_HOSTS"' EXIT

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
# Addresses of this host are used again by machines with other keys: they are kept for this run only.
on() { local address=$1; shift; ssh -i "$HOME/.ssh/id_rsa" -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile="$KNOWN_HOSTS" -o ConnectTimeout=10 "azureuser@$address" "$@"; }
# cloud-init reports that a machine is ready before its sshd has started, as on Azure: where everything is emulated that can be minutes.
until_reached() { for ((tries = 0; tries < 120; tries++)); do on "$1" true 2>/dev/null && return; sleep 5; done; on "$1" true; }
address_of() { az vm show --resource-group "$SOURCE_RG" --name "$1" --show-details --query publicIps --output tsv; }
tell() { on "$(address_of "$1")" 'echo "  $(hostname)  $(cat /etc/machine-id)  $(cat /opt/installed)"'; }

step 'Groups, a gallery, a definition'
az group create --name "$GALLERY_RG" --location eastus --output none
az group create --name "$SOURCE_RG" --location eastus --output none
az sig create --resource-group "$GALLERY_RG" --gallery-name "$GALLERY" --output none
az sig image-definition create --resource-group "$GALLERY_RG" --gallery-name "$GALLERY" --gallery-image-definition "$DEFINITION" \
  --publisher myPublisher --offer myOffer --sku mySKU --os-type Linux --os-state Generalized --output none

step 'A machine of a platform image, and something installed on it'
az vm create --resource-group "$SOURCE_RG" --name sourceVM --image "$IMAGE" --size Standard_D2s_v5 \
  --admin-username azureuser --generate-ssh-keys --output table
until_reached "$(address_of sourceVM)"
on "$(address_of sourceVM)" 'sudo mkdir -p /opt && echo "installed on $(hostname)" | sudo tee /opt/installed'
on "$(address_of sourceVM)" 'sudo waagent -deprovision+user -force' || true # the connection may go with the user

step 'It becomes an image version, replicated to three regions'
az vm deallocate --resource-group "$SOURCE_RG" --name sourceVM
az vm generalize --resource-group "$SOURCE_RG" --name sourceVM
SOURCE_VM_ID=$(az vm show --resource-group "$SOURCE_RG" --name sourceVM --query id -o tsv)
az sig image-version create --resource-group "$GALLERY_RG" --gallery-name "$GALLERY" --gallery-image-definition "$DEFINITION" \
  --gallery-image-version 1.0.0 --managed-image "$SOURCE_VM_ID" \
  --target-regions "eastus=2" "westus2=1" "westeurope=1" --replica-count 1 --output table

step 'Machines of the version, and of the latest one'
DEFINITION_ID=$(az sig image-definition show --resource-group "$GALLERY_RG" --gallery-name "$GALLERY" \
  --gallery-image-definition "$DEFINITION" --query id -o tsv)
az vm create --resource-group "$SOURCE_RG" --name fromVersion --image "$DEFINITION_ID/versions/1.0.0" --location westeurope \
  --size Standard_D2s_v5 --admin-username azureuser --generate-ssh-keys --output table
az vm create --resource-group "$SOURCE_RG" --name fromLatest --image "$DEFINITION_ID" \
  --size Standard_D2s_v5 --admin-username azureuser --generate-ssh-keys --output table
for machine in fromVersion fromLatest; do until_reached "$(address_of "$machine")"; tell "$machine"; done

step 'Versions are listed, changed and deleted'
az sig image-version list --resource-group "$GALLERY_RG" --gallery-name "$GALLERY" --gallery-image-definition "$DEFINITION" --output table
az sig image-version update --resource-group "$GALLERY_RG" --gallery-name "$GALLERY" --gallery-image-definition "$DEFINITION" \
  --gallery-image-version 1.0.0 --add publishingProfile.targetRegions name=northeurope regionalReplicaCount=1 --output table
az sig image-version delete --resource-group "$GALLERY_RG" --gallery-name "$GALLERY" --gallery-image-definition "$DEFINITION" \
  --gallery-image-version 1.0.0
echo 'The version is gone, and its machines run on:'
tell fromVersion
