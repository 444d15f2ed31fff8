# Notes beside the baseline what a later start from the same state can check.
printf '%s\n' "$commit" "$tree" "$(listing)" > "$scratch/state" || fail broken "cannot write to \`$scratch\`"
