#!/usr/bin/env bash
# Builds the jars of a release twice, in two fresh clones in directories of different names, and fails unless they are the
# same bytes: the library, its sources, its documentation and its bill of materials. The JDK is that of JAVA_HOME; another
# JDK gives other bytes.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for place in first a/longer/second; do
  git clone -q --no-hardlinks "$root" "$work/$place"
  (cd "$work/$place" && mvn -B -ntp -q -P release -pl dl4j-norm-layers -am package -DskipTests)
  (cd "$work/$place/dl4j-norm-layers/target" && sha256sum ./*.jar bom.json bom.xml) > "$work/$(basename "$place").sums"
done
cat "$work/first.sums"
diff "$work/first.sums" "$work/second.sums"
echo "Both builds gave the same $(wc -l < "$work/first.sums") files."
