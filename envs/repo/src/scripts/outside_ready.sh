# Makes the repository ready, in a sandbox that another program started.
keep=0 isolated=1
scratch=/var/lib/spotter
mkdir -p "$scratch" 2> /dev/null && [ -w "$scratch" ] || { scratch=/tmp/.spotter && mkdir -p "$scratch"; } || exit
shadow=$scratch/base.git
clean > /dev/null && { read -r commit && read -r whole; } < "$scratch/cleaned" && check > /dev/null &&
    keep_baseline > /dev/null
