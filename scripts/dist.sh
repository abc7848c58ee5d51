#!/bin/sh
# Makes a download that needs no JDK and no Maven: mvn -Pdist package runs it in app/target, when jlink has made target/dist/runtime.
# Usage: dist.sh VERSION
set -eu
version=$1
root=$(cd "$(dirname "$0")/.." && pwd -P)
target=$root/app/target
name=dynaxx-$version-linux-x64
home=$target/dist/$name

rm -rf "$home"
mkdir -p "$home/bin" "$home/app"
mv "$target/dist/runtime" "$home/runtime"
cp -p "$target/dynaxx-app.jar" "$home/app/"
cp -Rp "$target/lib" "$home/app/lib"
cp "$root/LICENSE" "$root/README.md" "$home/"
cp "$root/scripts/dynaxx-dist" "$home/bin/dynaxx"
chmod 755 "$home/bin/dynaxx"

tar -C "$target/dist" --owner=0 --group=0 --numeric-owner -czf "$target/$name.tar.gz" "$name"
echo "$target/$name.tar.gz"
