"""Take GraphiQL with npm into `.graphiql/`, where `dms serve` looks for it: `make graphiql`.

The packages and the digests of what is taken from them are pinned in `dms/web/page/graphiql.json`. A
package with other bytes is refused. Licences are kept beside the files.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "dms" / "web" / "page" / "graphiql.json"
PLACE = ROOT / ".graphiql"


def integrity(content: bytes, algorithm: str) -> str:
    """Return a digest as npm and browsers write it."""
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def require(content: bytes, pinned: str, what: str) -> None:
    """End with a message unless these are the pinned bytes."""
    found = integrity(content, pinned.partition("-")[0])
    if found != pinned:
        sys.exit(f"`{what}` is not what was pinned: its digest is {found}, not {pinned}; nothing was taken")


def packed(package: dict, folder: Path) -> Path:
    """Fetch a package as npm is set up on this machine, and hold it against its digest."""
    name = f"{package['name']}@{package['version']}"
    command = ["npm", "pack", name, "--pack-destination", str(folder), "--json", "--ignore-scripts"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"npm could not fetch `{name}`:\n{ended.stderr}")
    (told,) = json.loads(ended.stdout)
    path = folder / told["filename"]
    require(path.read_bytes(), package["integrity"], name)
    return path


def unpacked(package: dict, archive: Path, folder: Path) -> None:
    """Write the wanted files of a package and its licence."""
    with tarfile.open(archive) as tar:
        for member, pinned in package["files"].items():
            content = tar.extractfile(f"package/{member}").read()
            require(content, pinned, f"{member} of {package['name']}")
            (folder / Path(member).name).write_bytes(content)
        licence = tar.extractfile("package/LICENSE").read()
    (folder / f"{package['name']}.LICENSE").write_bytes(licence)


def main() -> None:
    """Take all packages, or change nothing."""
    if shutil.which("npm") is None:
        sys.exit("taking GraphiQL needs npm; without it `/graphiql` is the small page that comes with dms")
    packages = json.loads(PINS.read_text(encoding="utf-8"))["packages"]
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".graphiql-") as folder:
        whole = Path(folder) / "whole"
        whole.mkdir()
        for package in packages:
            unpacked(package, packed(package, Path(folder)), whole)
            print(f"{package['name']} {package['version']} ({package['licence']})")
        shutil.rmtree(PLACE, ignore_errors=True)
        whole.rename(PLACE)
    print(f"GraphiQL lies in {PLACE.name}/: `make run` serves it at /graphiql")


if __name__ == "__main__":
    main()
