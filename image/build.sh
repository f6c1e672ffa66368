#!/bin/sh
# Builds the program of an operator where its dependencies are built already: build.sh NAME
set -eu

# `git archive` fills these in: what the program tells of its source. Elsewhere it says `unknown`.
commit='$Format:%H$' time='$Format:%cI$'
case $commit in
*Format*) ;;
*) export BUILD_COMMIT="$commit" BUILD_TIME="$time" ;;
esac

# Cargo compares times, and a source may be older than what stood in for it.
find . -name '*.rs' -exec touch {} +
exec cargo build --release --locked --package "$1"
