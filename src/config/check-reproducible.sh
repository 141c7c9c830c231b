#!/usr/bin/env bash
# Builds the jars of a release twice, in two fresh clones in directories of different names, and fails unless they are the
# same bytes: the library and its part for Spark, their sources, documentation and bills of materials. The JDK is that of JAVA_HOME; another
# JDK gives other bytes.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for place in first a/longer/second; do
  git clone -q --no-hardlinks "$root" "$work/$place"
  (cd "$work/$place" && mvn -B -ntp -q -P release,spark -pl dl4j-norm-layers,dl4j-norm-spark -am verify -DskipTests)
  (cd "$work/$place" && sha256sum dl4j-norm-*/target/*.jar dl4j-norm-*/target/bom.*) > "$work/$(basename "$place").sums"
done
cat "$work/first.sums"
diff "$work/first.sums" "$work/second.sums"
echo "Both builds gave the same $(wc -l < "$work/first.sums") files."
