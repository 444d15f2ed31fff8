# attack: `sitecustomize.py` and `usercustomize.py` at the root
# forges: what the interpreter loads first
# on: demo__lru-1
printf 'print("PASSED")\n' > sitecustomize.py
cp sitecustomize.py usercustomize.py
echo 'import sitecustomize' > forge.pth
