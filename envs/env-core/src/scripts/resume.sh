# Reads what note.sh has noted of this state, and sets $commit.
{ read -r commit && read -r tree && read -r noted; } < "$scratch/state" || fail leak 'the kept state has no note'
[ "$noted" = "$(listing)" ] || fail leak 'the kept state is not what was kept'
say "tree $tree"
