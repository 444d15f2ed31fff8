# Compares the state with what note.sh has noted of it.
{ read -r tree && read -r noted; } < "$scratch/state" || fail leak 'the kept state has no note'
[ "$noted" = "$(listing)" ] || fail leak 'the kept state is not what was kept'
say "tree $tree"
