# Owned by root like all that is made here, whoever owns the source.
rm -rf /testbed
mkdir /testbed
cp -r "$SPOTTER_REPOSITORY" /testbed/.git
chown -R 0:0 /testbed/.git
cd /testbed
git config core.bare false
git reset -q --hard "$SPOTTER_COMMIT"
for remote in $(git remote); do
    git remote remove "$remote"
done
git status --short
