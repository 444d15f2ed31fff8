# Notes beside the baseline what a later start from the same state can check.
printf '%s\n' "$tree" "$(listing)" > "$scratch/state" || fail broken "cannot write to \`$scratch\`"
