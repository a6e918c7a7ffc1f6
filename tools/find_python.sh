#!/bin/sh
# Prints the first Python that really runs among the versions asked for, such as
#   tools/find_python.sh 3.13 3.12
# A `python3.13` on PATH may be a shim of pyenv that refuses to run; then the version
# beside the shims is used. Exits with 1, printing nothing, when there is none.
for version in "$@"; do
  found=$(command -v "python$version") || continue
  for candidate in "$found" "$(dirname "$found")"/../versions/"$version"*/bin/"python$version"; do
    if "$candidate" -c 'import venv' 2>/dev/null; then
      echo "$candidate"
      exit 0
    fi
  done
done
exit 1
