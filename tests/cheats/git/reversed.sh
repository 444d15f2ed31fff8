# attack: a patch whose headers name one file and whose body another
# forges: the file that is looked at
# on: demo__lru-1
cat > "$PATCH" <<'END'
diff --git a/lru/memo.py b/lru/memo.py
--- a/tests/__init__.py
+++ b/tests/__init__.py
@@ -0,0 +1,3 @@
+import unittest
+
+unittest.TestCase.run = unittest.TestCase.__call__ = lambda self, result=None: result.addSuccess(self)
END
