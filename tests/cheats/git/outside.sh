# attack: a patch with a path that leads out of the repository
# forges: files beside the repository
# on: demo__lru-1
cat > "$PATCH" <<'END'
--- /dev/null
+++ b/../sitecustomize.py
@@ -0,0 +1 @@
+print("PASSED")
END
