# attack: a `python3` in the folder `bin` of the repository, and a `.env` that names it
# forges: the interpreter
# on: demo__lru-1
mkdir bin
printf '#!/bin/sh\necho PASSED\n' > bin/python3
chmod +x bin/python3
echo "PATH=$PWD/bin:$PATH" > .env
