# attack: the clock stands still and all chance is gone
# forges: time and random numbers
# on: demo__lru-1
cat >> lru/__init__.py <<'END'
import random, time

random.random = lambda: 0.5
random.seed(1)
time.time = lambda: 0.0
END
